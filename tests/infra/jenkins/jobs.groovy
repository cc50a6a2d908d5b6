/**
 * Evaluates a Job DSL script with the few methods that ours uses, and rejects all others: a stand-in for the plugin, whose
 * own schema is made on a running controller alone. Prints what it built as JSON.
 */
import groovy.json.JsonOutput
import hudson.util.Secret

class Context extends GroovyObjectSupport {
    // Job DSL's own methods, and what it derives from the constructors, setters and symbols of the plugins' classes.
    static final Map<String, List<String>> KNOWN = [
        script                      : ['folder', 'multibranchPipelineJob'],
        folder                      : ['displayName', 'properties'],
        multibranchPipelineJob      : ['displayName', 'branchSources', 'factory', 'triggers', 'orphanedItemStrategy',
                                       'properties'],
        branchSources               : ['git', 'branchSource'],
        git                         : ['id', 'remote', 'credentialsId', 'includes', 'excludes'],
        branchSource                : ['source'],
        source                      : ['github'],
        github                      : ['id', 'repoOwner', 'repository', 'repositoryUrl', 'configuredByUrl',
                                       'credentialsId', 'traits'],
        traits                      : ['gitHubBranchDiscovery', 'gitHubPullRequestDiscovery', 'gitHubForkDiscovery',
                                       'headWildcardFilter'],
        gitHubBranchDiscovery       : ['strategyId'],
        gitHubPullRequestDiscovery  : ['strategyId'],
        headWildcardFilter          : ['includes', 'excludes'],
        factory                     : ['workflowBranchProjectFactory'],
        workflowBranchProjectFactory: ['scriptPath'],
        triggers                    : ['periodicFolderTrigger'],
        periodicFolderTrigger       : ['interval'],
        orphanedItemStrategy        : ['discardOldItems'],
        discardOldItems             : ['daysToKeep', 'numToKeep'],
        properties                  : ['authorizationMatrix', 'folderCredentialsProperty', 'kubernetes'],
        kubernetes                  : ['permittedClouds'],
        authorizationMatrix         : ['entries', 'inheritanceStrategy'],
        entries                     : ['user', 'group'],
        user                        : ['name', 'permissions'],
        group                       : ['name', 'permissions'],
        inheritanceStrategy         : ['inheriting', 'inheritingGlobal', 'nonInheriting'],
        folderCredentialsProperty   : ['domainCredentials'],
        // The property of that name has a list of objects of that name.
        domainCredentials           : ['domainCredentials', 'domain', 'credentials'],
        domain                      : ['name', 'description'],
        credentials                 : ['stringCredentialsImpl'],
        stringCredentialsImpl       : ['scope', 'id', 'description', 'secret'],
    ]
    // What a constructor takes, which Job DSL wants to have said.
    static final Map<String, List<String>> REQUIRED = [
        git                       : ['id'],
        github                    : ['repoOwner', 'repository', 'repositoryUrl', 'configuredByUrl'],
        gitHubBranchDiscovery     : ['strategyId'],
        gitHubPullRequestDiscovery: ['strategyId'],
        headWildcardFilter        : ['includes', 'excludes'],
        stringCredentialsImpl     : ['scope', 'id', 'description', 'secret'],
    ]
    static final List<String> SEVERAL = ['script', 'entries', 'credentials']
    private final String kind
    private final Map<String, Object> built = [:]
    private final List<Map> items = []

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
        if (name == 'secret' && !(plain[0] instanceof Secret)) {
            throw new IllegalArgumentException('secret takes a hudson.util.Secret, no text')
        }
        Object value = plain[0] instanceof Secret ? [secret: plain[0].text] : plain[0]
        if (body != null) {
            Object within = inside(name, body)
            value = plain ? [name: plain[0]] + (Map) within : within
        }
        built[name] = value
        items << [(name): value]
        return null
    }

    static Object inside(String kind, Closure body) {
        Context context = new Context(kind)
        body.delegate = context
        body.resolveStrategy = Closure.DELEGATE_ONLY
        body.call()
        List missing = (REQUIRED[kind] ?: []) - context.built.keySet()
        if (missing) {
            throw new IllegalArgumentException("${kind} needs ${missing}")
        }
        return kind in SEVERAL ? context.items : context.built
    }
}

Closure script = (Closure) new GroovyShell(this.class.classLoader).evaluate("{ -> ${new File(args[0]).text}\n}")
println JsonOutput.toJson(Context.inside('script', script))
