import groovy.json.JsonOutput
import groovy.json.JsonSlurper

/**
 * One build of the job: its folder `builds/<number>`, its result so far, its journal of everything that happened.
 *
 * A build is aborted by a file `abort` in its folder, whose text says by whom. What waits (a shell step, a lock, an
 * approval) looks for it.
 */
class Build {
    static final List<String> RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'ABORTED']
    private static final long POLL_MS = 50

    final Map config
    final File home
    final File folder
    final int number
    final File log
    final List<String> secrets = []
    String currentResult = 'SUCCESS'
    private final File journal
    private boolean interrupted

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
        write('state.json', [running: true])
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

    /** Worsen the result; it never gets better. */
    void worsen(String result) {
        currentResult = RESULTS[[RESULTS.indexOf(currentResult), RESULTS.indexOf(result)].max()]
    }

    /** Throw `Interrupted` once, if somebody aborted the build. What follows, e.g. post conditions, goes on. */
    void checkAborted() {
        File abort = new File(folder, 'abort')
        if (!interrupted && abort.exists()) {
            interrupted = true
            throw new Interrupted(abort.text ?: 'aborted')
        }
    }

    /** Wait until something is so; an abort ends the waiting. */
    void waitUntil(Closure<Boolean> so) {
        while (!so()) {
            checkAborted()
            Thread.sleep(POLL_MS)
        }
    }

    /** As `disableConcurrentBuilds(abortPrevious: …)`: end or await the builds that still run. */
    void alone(boolean abortPrevious) {
        List<File> running = others().findAll { state(it).running }
        if (running) {
            record(event: 'waits for builds', builds: running*.name, aborts: abortPrevious)
        }
        if (abortPrevious) {
            running.each { new File(it, 'abort').text = "superseded by build ${number}" }
        }
        waitUntil { !running.any { state(it).running } }
    }

    /** Result of the build before this one; null for none. */
    String previousResult() {
        File last = others().max { it.name.toInteger() }
        return last == null ? null : state(last).result
    }

    /** Commit of the last build that succeeded; null for none. */
    String lastGoodCommit() {
        File good = others().findAll { state(it).result == 'SUCCESS' }.max { it.name.toInteger() }
        return good == null ? null : state(good).commit
    }

    void end() {
        record(event: 'end', result: currentResult)
        write('state.json', [result: currentResult, commit: config.commit])
    }

    private List<File> others() {
        return folder.parentFile.listFiles().findAll { it.name.toInteger() < number }
    }

    private static Map state(File build) {
        File file = new File(build, 'state.json')
        return file.exists() ? (Map) new JsonSlurper().parseText(file.text) : [running: true]
    }

    private void write(String name, Map content) {
        File staged = new File(folder, "${name}.part")
        staged.text = JsonOutput.toJson(content)
        staged.renameTo(new File(folder, name))
    }
}
