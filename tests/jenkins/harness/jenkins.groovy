/**
 * Runs a Jenkinsfile as one build of a job. NOT Jenkins: see README.md beside this folder.
 *
 * Arguments: a JSON file that describes the job and the build. Prints the number of the build. Exit code: 0 for any
 * result that Jenkins could have given, 2 for a Jenkinsfile that is rejected.
 *
 * With `lint`, a list of Jenkinsfiles and of variables of a library, it only checks these, and prints a JSON list of what it
 * has against each.
 */
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilationFailedException
import org.codehaus.groovy.control.CompilerConfiguration

/** What is wrong with a Jenkinsfile, or with a variable of a library; empty for nothing. */
String problem(File file) {
    try {
        if (file.parentFile.name == 'vars') {
            Linter.checkVariable(file.text, file.name, file.parentFile.list()*.minus('.groovy') as Set)
        } else {
            Linter.check(file.text)
        }
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
    println JsonOutput.toJson(config.lint.collect { problem(new File((String) it)) })
    return
}
File jenkinsfile = new File((String) config.jenkinsfile)
String wrong = problem(jenkinsfile)
if (wrong) {
    reject(wrong)
}
Build build = new Build(config)
println build.number
System.out.flush()
CompilerConfiguration compiler = new CompilerConfiguration()
compiler.scriptBaseClass = JenkinsScript.name
JenkinsScript script = (JenkinsScript) new GroovyShell(this.class.classLoader, new Binding(), compiler)
    .parse(jenkinsfile.text, 'Jenkinsfile.groovy')
Runner runner = new Runner(build)
runner.attach(script)
try {
    build.begin()
    script.run()
    runner.ended(null)
} catch (Rejected rejected) {
    build.result = 'FAILURE'
    build.end()
    reject(rejected.message)
} catch (Exception thrown) {
    runner.ended(thrown)
}
build.end()
