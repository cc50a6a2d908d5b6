/** Runs a declarative pipeline in Jenkins' order: options, input, agent, when, environment, steps, post. */
class Runner {
    private static final Map<String, Long> UNITS = [SECONDS: 1000L, MINUTES: 60_000L, HOURS: 3_600_000L, DAYS: 86_400_000L]

    final Build build
    final Steps steps
    Agent agent
    /** Credentials that are bound here, and what the Jenkinsfile assigned to `env`. */
    Map<String, String> bound = [:]
    final Map<String, String> assigned = [:]
    private final Locks locks
    private final List<Map<String, String>> environments = []
    private final List<String> stages = []
    private final List<Long> deadlines = []
    private JenkinsScript script

    Runner(Build build) {
        this.build = build
        steps = new Steps(build, this)
        locks = new Locks(build)
    }

    void attach(JenkinsScript script) {
        this.script = script
        script.binding.setVariable('runner', this)
        script.binding.setVariable('params', build.config.params)
        script.binding.setVariable('env', new Environment(this))
        script.binding.setVariable('currentBuild', build)
    }

    /** All that a shell step sees, and `env` shows. */
    Map<String, String> environment() {
        Map<String, String> base = (Map) build.config.environment + (agent?.environment ?: [:])
        return environments.inject(base + assigned) { Map all, Map more -> all + more } + bound
    }

    String path() {
        return stages.join(' / ')
    }

    /** When the innermost timeout strikes, in milliseconds since the epoch. */
    long deadline() {
        return deadlines.min() ?: Long.MAX_VALUE
    }

    /** Run a block of steps or code. */
    Object within(Closure body, String kind) {
        return evaluate(body, new Scope(script, kind))
    }

    /** Run the pipeline, then its post conditions. */
    void run(Closure body) {
        Map<String, Map> parts = named(body, 'pipeline')
        guarded {
            jobOptions(parts.options?.body)
            describe(parts)
            environments << assignments(parts.environment?.body)
            onAgent(parts.agent) { all(parts.stages.body, 'stages').each { stage(it) } }
        }
        post(parts.post?.body)
    }

    /** Parameters, their values in this build, and triggers: what Jenkins makes of the job. */
    private void describe(Map<String, Map> parts) {
        Map<String, Object> defaults = [:]
        all(parts.parameters?.body, 'parameters').each { Map one ->
            Map given = (Map) one.arguments[0]
            defaults[(String) given.name] = one.name == 'choice' ? given.choices[0] : given.defaultValue
        }
        List<String> unknown = (build.config.params.keySet() as List) - (defaults.keySet() as List)
        if (unknown) {
            throw new Rejected("the job has no parameter ${unknown[0]}")
        }
        defaults.each { String name, Object value -> build.config.params.putIfAbsent(name, value) }
        List<Map> triggers = all(parts.triggers?.body, 'triggers').collect { [name: it.name, arguments: it.arguments] }
        build.record(event: 'job', number: build.number, params: build.config.params, triggers: triggers)
    }

    private void jobOptions(Closure body) {
        Map options = all(body, 'options').find { it.name == 'disableConcurrentBuilds' }
        if (options) {
            build.alone((boolean) ((Map) (options.arguments[0] ?: [:])).abortPrevious)
        }
    }

    private void stage(Map entry) {
        stages << entry.arguments[0].toString()
        Map<String, Map> parts = named((Closure) entry.body, 'stage')
        boolean failed = build.currentResult in ['FAILURE', 'ABORTED']
        try {
            if (failed) {
                build.record(event: 'stage', stage: path(), result: 'NOT_BUILT', why: 'earlier failure')
            } else {
                guarded { staged(parts) }
            }
        } finally {
            stages.pop()
        }
    }

    private void staged(Map<String, Map> parts) {
        Map<String, Map> when = parts.when ? named((Closure) parts.when.body, 'when') : [:]
        if (when.beforeOptions && !holds(when)) {
            return
        }
        withOptions(parts.options?.body) {
            if (parts.input && when.beforeInput && !holds(when)) {
                return
            }
            withInput(parts.input?.body) {
                if (when.beforeAgent && !when.beforeOptions && !holds(when)) {
                    return
                }
                onAgent(parts.agent) {
                    boolean late = when && !when.beforeOptions && !when.beforeAgent && !(parts.input && when.beforeInput)
                    if (late && !holds(when)) {
                        return
                    }
                    perform(parts)
                }
            }
        }
    }

    private void perform(Map<String, Map> parts) {
        environments << assignments(parts.environment?.body)
        build.say("[stage ${path()}]")
        String before = build.currentResult
        try {
            guarded { parts.steps ? within((Closure) parts.steps.body, 'steps') : inner(parts) }
        } finally {
            boolean worse = build.currentResult != before
            build.record(event: 'stage', stage: path(), result: worse ? build.currentResult : 'SUCCESS')
            post(parts.post?.body)
            environments.pop()
        }
    }

    private void inner(Map<String, Map> parts) {
        all((Closure) parts.stages.body, 'stages').each { stage(it) }
    }

    private boolean holds(Map<String, Map> when) {
        boolean so = within((Closure) when.expression.body, 'code')
        if (!so) {
            build.record(event: 'stage', stage: path(), result: 'NOT_BUILT', why: 'when')
        }
        return so
    }

    private void withOptions(Closure body, Closure work) {
        Map<String, Map> options = body ? named(body, 'stage options') : [:]
        Map timeout = (Map) options.timeout?.arguments?.getAt(0)
        Closure timed = work
        if (timeout) {
            timed = {
                deadlines << System.currentTimeMillis() + ((long) timeout.time) * UNITS[(String) timeout.unit ?: 'MINUTES']
                try {
                    work()
                } finally {
                    deadlines.pop()
                }
            }
        }
        options.lock ? locks.holding((Map) options.lock.arguments[0], timed) : timed()
    }

    /** Waits for `config.approval`, `{"by": NAME}` or `{"abort": NAME}`; without one, for the build's abortion. */
    private void withInput(Closure body, Closure work) {
        if (body == null) {
            work()
            return
        }
        if (agent != null) {
            throw new Rejected('an approval may not hold an agent')
        }
        Map<String, Map> asked = named(body, 'input')
        build.record(event: 'input', stage: path(), message: asked.message.arguments[0], by: asked.submitter?.arguments)
        Map approval = (Map) build.config.approval
        build.waitUntil { approval != null }
        if (approval.abort) {
            throw new Interrupted("rejected by ${approval.abort}")
        }
        environments << [(asked.submitterParameter.arguments[0].toString()): approval.by.toString()]
        try {
            work()
        } finally {
            environments.pop()
        }
    }

    private void onAgent(Map entry, Closure work) {
        Map label = entry?.body ? named((Closure) entry.body, 'agent').label : null
        if (label == null) {
            work()
            return
        }
        Agent before = agent
        agent = new Agent(label.arguments[0].toString(), build)
        try {
            work()
        } finally {
            agent = before
        }
    }

    /** Run what may fail; what is thrown becomes the build's result. */
    private void guarded(Closure work) {
        try {
            work()
        } catch (Rejected rejected) {
            throw rejected
        } catch (Interrupted interrupted) {
            build.record(event: 'aborted', stage: path(), by: interrupted.message)
            build.say("Aborted: ${interrupted.message}")
            build.worsen('ABORTED')
        } catch (Exception error) {
            build.record(event: 'error', stage: path(), message: error.message, step: error instanceof StepFailed)
            build.say("ERROR: ${error}")
            build.worsen('FAILURE')
        }
    }

    private void post(Closure body) {
        if (body == null) {
            return
        }
        String now = build.currentResult
        String previous = build.previousResult()
        Map<String, Boolean> holding = [
            always: true, changed: previous == null || previous != now,
            fixed: now == 'SUCCESS' && previous in ['FAILURE', 'UNSTABLE', 'ABORTED'],
            regression: previous == 'SUCCESS' && now != 'SUCCESS', aborted: now == 'ABORTED', failure: now == 'FAILURE',
            success: now == 'SUCCESS', unstable: now == 'UNSTABLE', unsuccessful: now != 'SUCCESS', cleanup: true,
        ]
        Map<String, Map> conditions = named(body, 'post')
        holding.findAll { name, so -> so && conditions[name] }.each { String name, so ->
            build.record(event: 'post', stage: path(), condition: name)
            guarded { within((Closure) conditions[name].body, 'steps') }
        }
    }

    private Map<String, String> assignments(Closure body) {
        Scope scope = new Scope(script, 'environment')
        evaluate(body ?: { }, scope)
        return scope.assigned.collectEntries { name, value -> [name, value.toString()] }
    }

    private Map<String, Map> named(Closure body, String kind) {
        return all(body, kind).collectEntries { [it.name, it] }
    }

    private List<Map> all(Closure body, String kind) {
        Scope scope = new Scope(script, kind)
        evaluate(body ?: { }, scope)
        return scope.entries
    }

    private static Object evaluate(Closure body, Scope scope) {
        Closure copy = (Closure) body.clone()
        copy.delegate = scope
        copy.resolveStrategy = Closure.DELEGATE_ONLY
        return copy.call()
    }
}
