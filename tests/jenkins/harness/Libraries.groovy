import java.nio.file.Files
import org.codehaus.groovy.control.CompilerConfiguration

/**
 * Libraries that the step `library` loads while the build runs, as the plugin pipeline-groovy-lib does it: from the
 * repository that a retriever names, or from one that the controller is configured with. Only `vars` is known here.
 */
class Libraries {
    private final Build build
    private final Runner runner
    private final List<String> loaded = []
    private final Map<String, File> variables = [:]
    private final Map<String, Class<Script>> compiled = [:]

    Libraries(Build build, Runner runner) {
        this.build = build
        this.runner = runner
    }

    boolean has(String variable) {
        return variables.containsKey(variable)
    }

    /**
     * Load a library, unless one of its name is there already.
     *
     * @param wanted the arguments of `library`
     */
    void load(Map wanted) {
        List<String> parts = wanted.identifier.toString().split('@', 2) as List
        String name = parts[0]
        Map retriever = (Map) wanted.retriever ?: configured(name)
        String version = parts[1] ?: retriever.defaultVersion
        if (version == null) {
            throw new StepFailed("Must specify a version for library ${name}")
        }
        if (name in loaded) {
            build.say("Only using first definition of library ${name}")
            return
        }
        build.say("Loading library ${name}@${version}")
        File folder = retrieve(name, version, retriever)
        List<File> files = (new File(folder, 'vars').listFiles() ?: []).findAll { it.name.endsWith('.groovy') }
        if (!files) {
            throw new StepFailed("Library ${name} expected to contain at least one of src or vars directories")
        }
        loaded << name
        variables.putAll(files.collectEntries { [it.name - '.groovy', it] })
        files.each { Linter.checkVariable(it.text, it.name, variables.keySet()) }
        build.record(event: 'library', name: name, version: version, variables: variables.keySet() as List)
    }

    /** A new instance of a variable: whoever calls it keeps one to himself. */
    Script variable(String name) {
        if (!compiled.containsKey(name)) {
            CompilerConfiguration compiler = new CompilerConfiguration()
            compiler.scriptBaseClass = JenkinsScript.name
            compiled[name] = new GroovyClassLoader(this.class.classLoader, compiler).parseClass(variables[name])
        }
        Script made = compiled[name].newInstance()
        made.binding = new Binding(runner: runner)
        return made
    }

    private Map configured(String name) {
        Map found = (Map) build.config.libraries?.get(name)
        if (found == null) {
            throw new StepFailed("No library named ${name} found")
        }
        return [modern: [remote: found.remote], libraryPath: found.libraryPath, defaultVersion: found.defaultVersion]
    }

    private File retrieve(String name, String version, Map retriever) {
        String path = retriever.libraryPath ?: ''
        if ('..' in path.split('/')) {
            throw new StepFailed("Library path may not contain '..'")
        }
        // What somebody proposes may not change what decides about it, unless he is trusted.
        if (retriever.legacy && build.config.trusted == false) {
            throw new StepFailed("Library '${name}' has been modified in an untrusted revision")
        }
        File folder = new File(build.folder, "libs/${name}")
        File repository = new File(build.folder, "libs/${name}.git")
        [folder, repository]*.mkdirs()
        Git git = new Git(repository)
        git.run('init', '--quiet', '--bare')
        String commit = retriever.legacy ? git.fetch((Map) retriever.legacy) : find(git, name, version, retriever)
        try {
            git.command(['sh', '-ec', 'git archive "$0" | tar -xf - -C "$1"', "${commit}:${path}".toString(), folder.path])
        } catch (StepFailed none) {
            build.say(none.message)
        }
        folder.eachFileRecurse { File file ->
            if (Files.isSymbolicLink(file.toPath())) {
                throw new StepFailed("Rejecting library: symlink found: ${file.name}")
            }
        }
        return folder
    }

    /** A branch, a tag or a commit. */
    private static String find(Git git, String name, String version, Map retriever) {
        git.run('fetch', '--quiet', (String) retriever.modern.remote, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*')
        List<String> places = ["refs/heads/${version}", "refs/tags/${version}", version]*.toString()
        for (String place : places) {
            try {
                return git.run('rev-parse', '--quiet', '--verify', "${place}^{commit}").trim()
            } catch (StepFailed none) {
                continue
            }
        }
        throw new StepFailed("No version ${version} found for library ${name}")
    }
}
