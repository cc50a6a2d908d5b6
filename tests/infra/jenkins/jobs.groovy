/**
 * Evaluates a Job DSL script with the few methods that ours uses, and rejects all others: a stand-in for the plugin, whose
 * own schema is made on a running controller alone. Prints what it built as JSON.
 */
import groovy.json.JsonOutput

class Context extends GroovyObjectSupport {
    static final Map<String, List<String>> KNOWN = [
        script                      : ['multibranchPipelineJob'],
        multibranchPipelineJob      : ['displayName', 'branchSources', 'factory', 'triggers', 'orphanedItemStrategy'],
        branchSources               : ['git'],
        git                         : ['id', 'remote', 'credentialsId'],
        factory                     : ['workflowBranchProjectFactory'],
        workflowBranchProjectFactory: ['scriptPath'],
        triggers                    : ['periodicFolderTrigger'],
        periodicFolderTrigger       : ['interval'],
        orphanedItemStrategy        : ['discardOldItems'],
        discardOldItems             : ['daysToKeep', 'numToKeep'],
    ]
    final Map built = [:]
    private final String kind

    Context(String kind) {
        this.kind = kind
    }

    @Override
    Object invokeMethod(String name, Object given) {
        if (!(name in KNOWN[kind])) {
            throw new IllegalArgumentException("${name} is not known in ${kind}; known: ${KNOWN[kind]}")
        }
        List arguments = given as List
        Closure body = (Closure) arguments.find { it instanceof Closure }
        List plain = arguments.findAll { !(it instanceof Closure) }
        built[name] = body == null ? plain[0] : (plain ? [name: plain[0]] : [:]) + inside(name, body)
        return null
    }

    static Map inside(String kind, Closure body) {
        Context context = new Context(kind)
        body.delegate = context
        body.resolveStrategy = Closure.DELEGATE_ONLY
        body.call()
        return context.built
    }
}

Closure script = (Closure) new GroovyShell().evaluate("{ -> ${new File(args[0]).text}\n}")
println JsonOutput.toJson(Context.inside('script', script))
