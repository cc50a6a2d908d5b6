import groovy.json.JsonSlurper
import java.security.MessageDigest
import javax.xml.parsers.DocumentBuilderFactory
import org.w3c.dom.Document
import org.w3c.dom.Element

/** The steps. What Jenkins does on an agent is done in its workspace; what it sends somewhere is recorded alone. */
class Steps {
    final Build build
    private final Runner runner
    private final Shell shell
    private final List<String> folders = []

    Steps(Build build, Runner runner) {
        this.build = build
        this.runner = runner
        shell = new Shell(runner)
    }

    /** Call a step by its name with what stands in the Jenkinsfile. */
    Object call(String name, List arguments) {
        if (name in Grammar.ON_AGENT && runner.agent == null) {
            throw new IllegalStateException("Required context class hudson.FilePath is missing: ${name} needs an agent")
        }
        build.checkAborted()
        if (name in Grammar.ON_AGENT) {
            runner.agent.check()
        }
        Map named = (Map) (arguments.find { it instanceof Map && it && name != 'publishHTML' } ?: [:])
        List rest = arguments.findAll { !(it instanceof Map && it.is(named)) }
        return "${name}Step"(named, rest)
    }

    private Object shStep(Map named, List rest) {
        String script = (named.script ?: rest[0]).toString()
        Map<String, String> environment = runner.environment()
        List secret = runner.bound.findAll { it.value in build.secrets }.keySet() as List
        build.say("+ sh ${script}")
        long began = System.currentTimeMillis()
        Map event = [event: 'sh', stage: runner.path(), label: runner.agent.label, script: script, credentials: secret,
                     timeouts: runner.timeouts]
        try {
            List answer = shell.run(script, here(), environment, (boolean) named.returnStdout)
            int status = (int) answer[0]
            build.record(event + [status: status, ms: System.currentTimeMillis() - began])
            if (named.returnStatus) {
                return status
            }
            if (status != 0) {
                throw new StepFailed("script returned exit code ${status}")
            }
            return named.returnStdout ? answer[1] : null
        } catch (Interrupted | AgentLost ended) {
            build.record(event + [status: null, interrupted: ended.message])
            throw ended
        }
    }

    private Object errorStep(Map named, List rest) {
        throw new StepFailed(rest[0].toString())
    }

    /** Recorded, and waited for in a shorter time: `config.secondsPerSecond` of each second. */
    private Object sleepStep(Map named, List rest) {
        build.record(event: 'sleep', stage: runner.path(), time: named.time, unit: named.unit)
        long end = System.currentTimeMillis() + (long) (((Number) named.time) * 1000 * build.config.secondsPerSecond)
        runner.waitUntil { System.currentTimeMillis() >= end }
        return null
    }

    private Object echoStep(Map named, List rest) {
        build.say(rest[0].toString())
        return null
    }

    private Object libraryStep(Map named, List rest) {
        runner.libraries.load(named ?: [identifier: rest[0]])
        return null
    }

    private Object legacySCMStep(Map named, List rest) {
        return [legacy: named.scm ?: named, libraryPath: named.libraryPath]
    }

    private Object modernSCMStep(Map named, List rest) {
        Map source = (Map) (named.scm ?: named)
        if (source['$class'] != 'GitSCMSource') {
            throw new StepFailed("No known implementation of SCMSource is named ${source['$class']}")
        }
        return [modern: source, libraryPath: named.libraryPath]
    }

    /** Errors of its block are said, and change nothing but the results that it names. */
    private Object catchErrorStep(Map named, List rest) {
        try {
            runner.within((Closure) rest[-1], 'steps')
        } catch (Rejected rejected) {
            throw rejected
        } catch (Exception caught) {
            if (caught instanceof Interrupted && named.catchInterruptions == false) {
                throw caught
            }
            build.record(event: 'caught', stage: runner.path(), message: caught.message)
            build.say("${named.message ?: ''}\nERROR: ${caught.message}")
            build.result = Build.worst(build.result, (String) named.buildResult ?: 'FAILURE')
        }
        return null
    }

    private Object scriptStep(Map named, List rest) {
        return runner.within((Closure) rest[-1], 'script')
    }

    private Object readJSONStep(Map named, List rest) {
        return new JsonSlurper().parseText(new File(here(), named.file.toString()).text)
    }

    /** Binds secrets for its block alone; the log and the journal never show them. */
    private Object withCredentialsStep(Map named, List rest) {
        Map<String, String> before = runner.bound
        Map<String, String> secrets = ((List<Map>) rest[0]).collectEntries { Map wanted -> bound(wanted) }
        build.secrets.addAll(secrets.values())
        build.record(event: 'credentials', stage: runner.path(), ids: rest[0]*.credentialsId)
        runner.bound = before + secrets
        try {
            return runner.within((Closure) rest[-1], 'steps')
        } finally {
            runner.bound = before
        }
    }

    /** `NAME=value`; `PATH+ANYTHING=folder` puts a folder before the others. */
    private Object withEnvStep(Map named, List rest) {
        Map<String, String> now = runner.environment()
        Map<String, String> more = ((List) rest[0])*.toString().collectEntries { String line ->
            List<String> parts = line.split('=', 2) as List
            String name = parts[0].split('[+]')[0]
            [name, parts[0].contains('+') ? "${parts[1]}:${now[name]}".toString() : parts[1]]
        }
        Map<String, String> before = runner.bound
        runner.bound = before + more
        try {
            return runner.within((Closure) rest[-1], 'steps')
        } finally {
            runner.bound = before
        }
    }

    /** A secret text as one variable, a name and a password as two. */
    private Map<String, String> bound(Map given) {
        Map<String, String> wanted = given.collectEntries { [it.key, it.value.toString()] }
        Object secret = build.config.credentials?.get(wanted.credentialsId)
        if (secret == null) {
            throw new StepFailed("Could not find credentials entry with ID '${wanted.credentialsId}'")
        }
        if ((secret instanceof String) != (wanted.variable != null)) {
            throw new StepFailed("Credentials '${wanted.credentialsId}' is of another type than was expected")
        }
        return secret instanceof String ? [(wanted.variable): secret] :
            [(wanted.usernameVariable): secret.username, (wanted.passwordVariable): secret.password]
    }

    private Object lockStep(Map named, List rest) {
        return runner.locks.holding(named ?: [resource: rest[0]]) { runner.within((Closure) rest[-1], 'steps') }
    }

    private Object timeoutStep(Map named, List rest) {
        return runner.timed(named) { runner.within((Closure) rest[-1], 'steps') }
    }

    private Object milestoneStep(Map named, List rest) {
        int ordinal = (int) (named.ordinal ?: rest[0])
        if (build.seen.milestone != null && build.seen.milestone >= ordinal) {
            throw new StepFailed("Invalid ordinal ${ordinal}, as the previous one was ${build.seen.milestone}")
        }
        build.pass(ordinal)
        build.checkAborted()
        return null
    }

    private Object scmGitStep(Map named, List rest) {
        return named
    }

    private Object checkoutStep(Map named, List rest) {
        return checkout((Map) (named.scm ?: named), named.poll != false)
    }

    /** Check out on the agent; what is to be polled is also what the build is of. */
    Map<String, String> checkout(Map scm, boolean poll) {
        Map<String, String> found = runner.agent.checkout(scm)
        build.record(event: 'checkout', stage: runner.path(), commit: found.GIT_COMMIT, poll: poll)
        if (poll) {
            build.change([commit: found.GIT_COMMIT])
        }
        return found
    }

    private Object stringStep(Map named, List rest) {
        return named
    }

    private Object usernamePasswordStep(Map named, List rest) {
        return named
    }

    private Object dirStep(Map named, List rest) {
        folders << rest[0].toString()
        try {
            return runner.within((Closure) rest[-1], 'steps')
        } finally {
            folders.pop()
        }
    }

    private Object deleteDirStep(Map named, List rest) {
        here().deleteDir()
        return null
    }

    private Object junitStep(Map named, List rest) {
        List<File> files = matching((named.testResults ?: rest[0]).toString())
        if (!files && !named.allowEmptyResults) {
            throw new StepFailed('No test report files were found. Configuration error?')
        }
        List<Map> cases = files.collectMany { File file -> testCases(file) }
        List<Map> failed = cases.findAll { it.state == 'failed' }
        build.record(event: 'junit', stage: runner.path(), cases: cases)
        if (failed && !named.skipMarkingBuildUnstable) {
            build.result = Build.worst(build.result, 'UNSTABLE')
        }
        return null
    }

    private static List<Map> testCases(File file) {
        Document document = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file)
        return (0..<document.getElementsByTagName('testcase').length).collect { int index ->
            Element one = (Element) document.getElementsByTagName('testcase').item(index)
            Closure has = { String tag -> one.getElementsByTagName(tag).length > 0 }
            String state = has('failure') || has('error') ? 'failed' : has('skipped') ? 'skipped' : 'passed'
            [class: one.getAttribute('classname'), name: one.getAttribute('name'), state: state]
        }
    }

    private Object archiveArtifactsStep(Map named, List rest) {
        List<File> files = matching((named.artifacts ?: rest[0]).toString())
        if (!files && !named.allowEmptyArchive) {
            throw new StepFailed("No artifacts found that match the file pattern \"${named.artifacts}\"")
        }
        Map<String, String> fingerprints = copied(files, new File(build.folder, 'archive'))
        build.record(event: 'archive', stage: runner.path(), files: fingerprints.keySet() as List,
                     fingerprints: named.fingerprint ? fingerprints : [:])
        return null
    }

    private Object publishHTMLStep(Map named, List rest) {
        Map target = (Map) (((Map) rest[0]).target ?: rest[0])
        File base = new File(here(), target.reportDir.toString())
        List<File> files = target.reportFiles.split(',').collectMany { matching("${target.reportDir}/${it.trim()}") }
        if (!files && !target.allowMissing) {
            throw new StepFailed("Specified HTML directory '${base}' does not exist.")
        }
        copied(files, new File(build.folder, "html/${target.reportName}"))
        build.record(event: 'html', stage: runner.path(), name: target.reportName, files: files*.name)
        return null
    }

    private Object publishChecksStep(Map named, List rest) {
        if (named.conclusion && !(named.conclusion in Grammar.CONCLUSIONS)) {
            throw new StepFailed("No conclusion ${named.conclusion}; there are ${Grammar.CONCLUSIONS}")
        }
        build.record([event: 'checks', stage: runner.path()] + named.collectEntries { key, value -> [key, "${value}"] })
        return null
    }

    private Object mailStep(Map named, List rest) {
        build.record([event: 'mail'] + named.collectEntries { key, value -> [key, "${value}"] })
        return null
    }

    private File here() {
        return folders.inject(runner.agent.workspace) { File base, String folder -> new File(base, folder) }
    }

    /** Files of the current folder that match Ant's pattern with double asterisks for any folders. */
    private List<File> matching(String pattern) {
        String expression = pattern.split('(?<=/)').collect { String part ->
            part == '**/' ? '(.*/)?' : part == '**' ? '.*' : part.replace('.', '\\.').replace('*', '[^/]*')
        }.join('')
        List<File> found = []
        if (here().isDirectory()) {
            here().traverse(type: groovy.io.FileType.FILES, preDir: { File it ->
                it.name in ['.git', '.venv'] ? groovy.io.FileVisitResult.SKIP_SUBTREE : null
            }) { File file -> found << file }
        }
        return found.findAll { relative(it) ==~ expression }.sort()
    }

    private String relative(File file) {
        return file.path.substring(here().path.length() + 1)
    }

    private Map<String, String> copied(List<File> files, File into) {
        return files.collectEntries { File file ->
            File copy = new File(into, relative(file))
            copy.parentFile.mkdirs()
            copy.bytes = file.bytes
            [relative(file), MessageDigest.getInstance('MD5').digest(file.bytes).encodeHex().toString()]
        }
    }
}
