/**
 * Runs a Jenkinsfile as one build of a job. NOT Jenkins: see README.md beside this folder.
 *
 * Arguments: a JSON file that describes the job and the build. Prints the number of the build. Exit code: 0 for any
 * result that Jenkins could have given, 2 for a Jenkinsfile that is rejected.
 *
 * With `lint`, a list of Jenkinsfiles, it only checks these, and prints a JSON list of what it has against each.
 */
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilationFailedException
import org.codehaus.groovy.control.CompilerConfiguration

/** What is wrong with a Jenkinsfile; empty for nothing. */
String problem(String source) {
    try {
        Linter.check(source)
        return ''
    } catch (Rejected | CompilationFailedException rejected) {
        return rejected.message
    }
}

void reject(String message) {
    System.err.println("rejected: ${message}")
    System.exit(2)
}

Map config = (Map) new JsonSlurper().parse(new File(args[0]))
if (config.lint) {
    println JsonOutput.toJson(config.lint.collect { problem(new File((String) it).text) })
    return
}
String source = new File((String) config.jenkinsfile).text
if (problem(source)) {
    reject(problem(source))
}
Build build = new Build(config)
println build.number
System.out.flush()
try {
    CompilerConfiguration compiler = new CompilerConfiguration()
    compiler.scriptBaseClass = JenkinsScript.name
    JenkinsScript script = (JenkinsScript) new GroovyShell(this.class.classLoader, new Binding(), compiler)
        .parse(source, 'Jenkinsfile.groovy')
    new Runner(build).attach(script)
    script.run()
} catch (Rejected rejected) {
    build.result = 'FAILURE'
    build.end()
    reject(rejected.message)
}
build.end()
