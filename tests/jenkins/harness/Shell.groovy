/** Runs `sh` steps for real: `sh -xe` in the agent's workspace, in a process group that an abort ends as Jenkins does. */
class Shell {
    private final Runner runner
    private final Build build
    private int count

    Shell(Runner runner) {
        this.runner = runner
        build = runner.build
    }

    /**
     * @param script the text
     * @param where the folder it runs in
     * @param environment all variables that it sees
     * @return [status, stdout]; stdout only where it is asked for, else it goes to the log
     */
    List run(String script, File where, Map<String, String> environment, boolean keepOutput) {
        count++
        File file = new File(build.folder, "sh-${count}.sh")
        File out = new File(build.folder, "sh-${count}.out")
        File err = new File(build.folder, "sh-${count}.err")
        file.text = script
        ProcessBuilder builder = new ProcessBuilder('setsid', 'sh', '-c', 'echo $$ > "$0.pid"; exec sh -xe "$0"', file.path)
        builder.directory(where)
        builder.environment().clear()
        builder.environment().putAll(environment)
        builder.redirectInput(new File('/dev/null'))
        builder.redirectOutput(out)
        builder.redirectError(keepOutput ? err : out)
        if (!keepOutput) {
            builder.redirectErrorStream(true)
        }
        Process process = builder.start()
        try {
            runner.waitUntil { ended(process) }
        } catch (Interrupted | AgentLost end) {
            // Jenkins sends SIGTERM to every process of the step; what goes with an agent goes as well.
            File group = new File("${file.path}.pid")
            while (!group.length() && !ended(process)) {  // it has only just been started
                sleep 5
            }
            new ProcessBuilder('kill', '-TERM', '--', "-${group.text.trim()}").start().waitFor()
            process.waitFor()
            build.say(out.text)
            throw end
        }
        build.say(keepOutput ? err.text : out.text)
        return [process.exitValue(), keepOutput ? out.text : '']
    }

    private static boolean ended(Process process) {
        try {
            process.exitValue()
            return true
        } catch (IllegalThreadStateException running) {
            return false
        }
    }
}
