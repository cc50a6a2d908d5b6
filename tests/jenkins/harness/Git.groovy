/** Git in one folder, for what Jenkins' git plugin does. */
class Git {
    private final File folder

    Git(File folder) {
        this.folder = folder
    }

    /** Run a git command; what it prints. */
    String run(String... arguments) {
        return command(['git', *arguments])
    }

    /** Run any command there. */
    String command(List<String> command) {
        Process process = new ProcessBuilder(command).directory(folder).redirectErrorStream(true).start()
        String output = process.inputStream.text
        if (process.waitFor() != 0) {
            throw new StepFailed("${command.join(' ')}: ${output}")
        }
        return output
    }

    /** Fetch what `scmGit`, or the job, names; the commit that is meant. */
    String fetch(Map scm) {
        Map remote = (Map) scm.userRemoteConfigs[0]
        run('fetch', '--quiet', (String) remote.url, (String) remote.refspec ?: '+refs/heads/*:refs/remotes/origin/*')
        String wanted = scm.branches[0].name
        return wanted ==~ /[0-9a-f]{40}/ ? wanted : run('rev-parse', "refs/remotes/origin/${wanted}").trim()
    }
}
