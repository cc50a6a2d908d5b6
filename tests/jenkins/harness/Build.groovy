import groovy.json.JsonOutput
import groovy.json.JsonSlurper

/**
 * One build of the job: its folder `builds/<number>`, its result so far, its journal of everything that happened.
 *
 * `state.json` in the folder is what other builds see of it. A build is ended by a file `abort`, which says by whom and what
 * it becomes: `{"by": NAME, "result": "ABORTED"}`. What waits (a shell step, a lock, an agent, an approval) looks for it.
 */
class Build {
    /** From good to bad, as Jenkins orders them. */
    static final List<String> RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED']

    final Map config
    final File home
    final File folder
    final int number
    final File log
    final List<String> secrets = []
    /** What steps made of the build; what is thrown counts when the build ends. */
    String result = 'SUCCESS'
    /** What an abort made of it. */
    String ended = 'SUCCESS'
    private final File journal
    private final Map state = [running: true, variables: [:]]

    /**
     * @param config what the job is given, see README.md
     */
    Build(Map config) {
        this.config = config
        home = new File((String) config.home)
        File builds = new File(home, 'builds')
        builds.mkdirs()
        int next = ((builds.list() ?: [])*.toInteger().max() ?: 0) + 1
        // Two builds may start at the same moment: who makes the folder has the number.
        while (!new File(builds, "${next}").mkdir()) {
            next++
        }
        number = next
        folder = new File(builds, "${number}")
        journal = new File(folder, 'journal.jsonl')
        log = new File(folder, 'log.txt')
        log.text = ''
        change([:])
    }

    /** Write one line into the journal. */
    synchronized void record(Map event) {
        journal << masked(JsonOutput.toJson([at: System.currentTimeMillis()] + event)) + '\n'
    }

    /** Print to the build's log, secrets masked. */
    synchronized void say(String text) {
        log << masked(text) + (text.endsWith('\n') ? '' : '\n')
    }

    String masked(String text) {
        return secrets.inject(text) { String shown, String secret -> shown.replace(secret, '****') }
    }

    static String worst(String... results) {
        return RESULTS[results.collect { RESULTS.indexOf(it) }.max()]
    }

    /** Throw `Interrupted` once, if somebody ended the build. What follows, e.g. post conditions, goes on. */
    void checkAborted() {
        File abort = new File(folder, 'abort')
        if (ended == 'SUCCESS' && abort.exists()) {
            Map why = (Map) new JsonSlurper().parseText(abort.text)
            ended = why.result
            throw new Interrupted((String) why.by, (String) why.result)
        }
    }

    /** What was answered to the question: `{"by": NAME}` or `{"abort": NAME}`, given to the build or later as a file. */
    Map answer() {
        File file = new File(folder, 'approval.json')
        return (Map) (config.approval ?: (file.exists() ? new JsonSlurper().parseText(file.text) : null))
    }

    /** As `disableConcurrentBuilds`, if an earlier build gave it to the job: end the build before, or wait for it. */
    void begin() {
        Map alone = (Map) job().alone
        Map before = others().findAll { it.number < number }.max { it.number }
        if (alone == null || !before?.running) {
            return
        }
        record(event: 'older build', number: before.number, aborts: alone.abortPrevious)
        if (alone.abortPrevious) {
            // It is told to end; nobody waits until it has.
            supersede((int) before.number)
            return
        }
        while (others().any { it.number < number && it.running }) {
            checkAborted()
            Thread.sleep(50)
        }
    }

    /** As `milestone`: builds that are older, and have not come as far, end. */
    void pass(int ordinal) {
        change([milestone: ordinal])
        record(event: 'milestone', ordinal: ordinal)
        others().findAll { it.running }.each { Map other ->
            if (other.number < number && (other.milestone == null || other.milestone < ordinal)) {
                supersede((int) other.number)
            } else if (other.number > number && other.milestone != null && other.milestone >= ordinal) {
                supersede(number, (int) other.number)
            }
        }
    }

    private void supersede(int other, int by = number) {
        File abort = new File(folder.parentFile, "${other}/abort")
        if (!abort.exists()) {
            write(abort, [by: "superseded by build ${by}", result: 'NOT_BUILT'])
        }
    }

    /** What the job is by now: made by the builds before. */
    Map job() {
        File file = new File(home, 'job.json')
        return file.exists() ? (Map) new JsonSlurper().parseText(file.text) : [:]
    }

    void describe(Map job) {
        write(new File(home, 'job.json'), job)
    }

    /** Change what other builds see of this one. */
    void change(Map changes) {
        state.putAll(changes)
        write(new File(folder, 'state.json'), state)
    }

    Map getSeen() {
        return state + [number: number, result: result]
    }

    /** The other builds as they are now, by number. */
    List<Map> others() {
        return folder.parentFile.listFiles().findAll { it.name != folder.name }.collect { File other ->
            File file = new File(other, 'state.json')
            Map seen = file.exists() ? (Map) new JsonSlurper().parseText(file.text) : [running: true, variables: [:]]
            seen + [number: other.name.toInteger()]
        }.sort { it.number }
    }

    /** Result of the last build before this one that has ended; null for none. */
    String previousResult() {
        return others().findAll { it.number < number && !it.running }.max { it.number }?.result
    }

    /** Commit of the last build that succeeded; null for none. */
    String lastGoodCommit() {
        return others().findAll { it.number < number && it.result == 'SUCCESS' }.max { it.number }?.commit
    }

    void end() {
        record(event: 'end', result: result)
        change([running: false, result: result])
        // Whoever passed a milestone and is done leaves no older build between it and the next.
        if (state.milestone != null) {
            others().findAll { it.running && it.number < number }.each { Map other ->
                if (other.milestone == null || other.milestone <= state.milestone) {
                    supersede((int) other.number)
                }
            }
        }
    }

    private static void write(File file, Map content) {
        File staged = new File(file.parentFile, "${file.name}.${System.nanoTime()}.part")
        staged.text = JsonOutput.toJson(content)
        staged.renameTo(file)
    }
}
