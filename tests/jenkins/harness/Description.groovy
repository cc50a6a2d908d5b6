/** What a build makes of its job, and what the job gives it: parameters, options, triggers, where the source is. */
class Description {
    /** Whether each agent checks out by itself. */
    boolean checksOut = true
    private final Build build
    private final Map globals
    private final Map given

    Description(Build build, Map globals) {
        this.build = build
        this.globals = globals
        // Those alone that the job has by now: Jenkins drops all others, and a job that was never built has none.
        Map known = (Map) build.job().defaults ?: [:]
        given = ((Map) build.config.params).findAll { known.containsKey(it.key) }
    }

    /** What is there before the Jenkinsfile has said anything: that of the builds before. */
    void before() {
        globals.scm = scm()
        parameters(build.job().defaults)
    }

    /** Parameters, their values in this build, options and triggers: what Jenkins makes of the job. */
    void of(Map<String, Map> parts, Blocks blocks) {
        Map<String, Object> defaults = blocks.all((Closure) parts.parameters?.body, 'parameters').collectEntries { Map one ->
            Map given = (Map) one.arguments[0]
            [given.name, one.name == 'choice' ? given.choices[0] : given.defaultValue]
        }
        Map<String, Map> options = blocks.named((Closure) parts.options?.body, 'options')
        List<Map> triggers = blocks.all((Closure) parts.triggers?.body, 'triggers').collect { [name: it.name, arguments: it.arguments] }
        List<String> unknown = (build.config.params.keySet() as List) - (defaults.keySet() as List)
        if (unknown && build.job().defaults != null) {
            throw new Rejected("the job has no parameter ${unknown[0]}")
        }
        Map alone = options.disableConcurrentBuilds
        build.describe(defaults: defaults, alone: alone == null ? null : alone.arguments[0] ?: [:])
        checksOut = !options.skipDefaultCheckout
        parameters(defaults)
        build.record(event: 'job', number: build.number, params: globals.params, triggers: triggers)
    }

    /** A multibranch job knows the commit and fetches its branch alone; a plain one takes the branch as it is by then. */
    private Map scm() {
        Map config = build.config
        String branch = config.environment.BRANCH_NAME
        Map remote = [url: config.repository, credentialsId: null,
                      refspec: branch ? "+refs/heads/${config.branch}:refs/remotes/origin/${branch}".toString() : null]
        return [branches: [[name: branch ? config.commit : config.branch]], extensions: [], userRemoteConfigs: [remote]]
    }

    /** The parameters that the job has, with this build's values; none before a build has described the job. */
    private void parameters(Map defaults) {
        globals.params = defaults == null ? [:] : defaults + given
    }
}
