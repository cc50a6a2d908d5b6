/** Runs a declarative pipeline in Jenkins' order: options, input, agent, `when`, environment, steps, post. */
class Runner {
    private static final Map<String, Long> UNITS = [SECONDS: 1000L, MINUTES: 60_000L, HOURS: 3_600_000L, DAYS: 86_400_000L]
    private static final long POLL_MS = 50

    final Build build
    final Steps steps
    final Locks locks
    final Libraries libraries
    /** What every script sees: env, params, currentBuild, scm. */
    final Map<String, Object> globals = [:]
    Agent agent
    /** What `withCredentials` and `withEnv` bind here, and what the Jenkinsfile assigned to `env`. */
    Map<String, String> bound = [:]
    final Map<String, String> assigned = [:]
    private final Agents agents
    private final List<Map<String, String>> environments = []
    private final List<String> names = []
    private final List<Long> deadlines = []
    private final Blocks blocks = new Blocks()
    private final Post posts
    private boolean began
    private Description description

    Runner(Build build) {
        this.build = build
        steps = new Steps(build, this)
        locks = new Locks(this)
        agents = new Agents(this)
        libraries = new Libraries(build, this)
        posts = new Post(build, blocks)
    }

    void attach(JenkinsScript script) {
        script.binding.setVariable('runner', this)
        globals.env = new Environment(this)
        globals.currentBuild = new RunWrapper(build, build.number)
        description = new Description(build, globals)
        description.before()
    }

    /** All that a shell step sees, and `env` shows. */
    Map<String, String> environment() {
        Map<String, String> base = (Map) build.config.environment + (agent?.environment ?: [:])
        return environments.inject(base + assigned) { Map all, Map more -> all + more } + bound
    }

    /** Assign to `env`, which other builds see. */
    void assign(String name, String value) {
        assigned[name] = value
        build.change([variables: assigned])
    }

    String path() {
        return names.join(' / ')
    }

    /** How many timeouts run here. */
    int getTimeouts() {
        return deadlines.size()
    }

    /** Wait until something is so; an abort, a timeout and the agent's loss end the waiting. */
    void waitUntil(Closure<Boolean> so) {
        while (!so()) {
            build.checkAborted()
            agent?.check()
            if (deadlines && System.currentTimeMillis() > deadlines.min()) {
                throw new Interrupted('timeout')
            }
            Thread.sleep(POLL_MS)
        }
    }

    Object within(Closure body, String kind) {
        return blocks.run(body, kind)
    }

    /** Run some work that ends in time or is ended. */
    Object timed(Map timeout, Closure work) {
        deadlines << System.currentTimeMillis() + (long) (((Number) timeout.time) * UNITS[(String) timeout.unit ?: 'MINUTES'])
        try {
            return work()
        } finally {
            deadlines.pop()
        }
    }

    /** Run the pipeline, then its post conditions; throws what ended it. */
    void run(Closure body) {
        if (began) {
            throw new IllegalStateException('Only one pipeline { ... } block can be executed in a single run.')
        }
        began = true
        Map<String, Map> parts = blocks.named(body, 'pipeline')
        Exception error = null
        boolean told = false
        try {
            List<Map> stages = blocks.stages((Closure) parts.stages.body)
            description.of(parts, blocks)
            onAgent(parts.agent) {
                withEnvironment((Closure) parts.environment?.body) {
                    error = sequence(stages)
                    told = true
                    error = posts.run((Closure) parts.post?.body, '', error)
                }
            }
        } catch (Rejected rejected) {
            throw rejected
        } catch (Exception thrown) {
            error = error ?: tell(thrown)
        }
        error = told ? error : posts.run((Closure) parts.post?.body, '', error)
        if (error) {
            throw error
        }
    }

    /** Say what ended the build, or nothing, and what that makes of it. */
    void ended(Exception error) {
        if (error != null) {
            tell(error)
        }
        build.result = posts.combined(error)
    }

    /** The stages one after the other; what the first that fails threw. */
    private Exception sequence(List<Map> stages) {
        Exception first = null
        stages.each { Map stage ->
            names << (String) stage.name
            try {
                if (first == null) {
                    staged(stage)
                } else {
                    build.record(event: 'stage', stage: path(), result: 'NOT_BUILT', why: 'earlier failure')
                }
            } catch (Rejected rejected) {
                throw rejected
            } catch (Exception thrown) {
                first = tell(thrown)
            } finally {
                names.pop()
            }
        }
        return first
    }

    private void staged(Map stage) {
        Map<String, Map> parts = (Map) stage.parts
        Map<String, Map> when = parts.when ? blocks.named((Closure) parts.when.body, 'when') : [:]
        String judged = !when ? '' : when.beforeOptions ? 'options' : parts.input && when.beforeInput ? 'input' :
            when.beforeAgent ? 'agent' : 'steps'
        Closure<Boolean> goesOn = { String place -> judged != place || holds(when) }
        if (!goesOn('options')) {
            return
        }
        withOptions((Map) stage.options) {
            if (goesOn('input')) {
                withInput((Closure) parts.input?.body) {
                    if (goesOn('agent')) {
                        onAgent(parts.agent) { goesOn('steps') && perform(stage) }
                    }
                }
            }
        }
    }

    private boolean perform(Map stage) {
        Map<String, Map> parts = (Map) stage.parts
        build.say("[stage ${path()}]")
        withEnvironment((Closure) parts.environment?.body) {
            Exception error = null
            String before = build.result
            try {
                if (stage.stages) {
                    error = sequence((List<Map>) stage.stages)
                } else {
                    within((Closure) parts.steps.body, 'steps')
                }
            } catch (Rejected rejected) {
                throw rejected
            } catch (Exception thrown) {
                error = tell(thrown)
            }
            String result = posts.combined(error)
            build.record(event: 'stage', stage: path(), result: error || build.result != before ? result : 'SUCCESS')
            error = posts.run((Closure) parts.post?.body, path(), error)
            if (error) {
                throw error
            }
        }
        return true
    }

    private boolean holds(Map<String, Map> when) {
        boolean so = within((Closure) when.expression.body, 'code')
        if (!so) {
            build.record(event: 'stage', stage: path(), result: 'NOT_BUILT', why: 'when')
        }
        return so
    }

    /** In the order in which they stand. */
    private void withOptions(Map<String, Map> options, Closure work) {
        Closure wrapped = (options.values() as List).reverse().inject(work) { Closure inner, Map option ->
            Map given = (Map) option.arguments[0]
            option.name == 'lock' ? { locks.holding(given, inner) } : { timed(given, inner) }
        }
        wrapped()
    }

    /** Waits for an answer, see `Build`. */
    private void withInput(Closure body, Closure work) {
        if (body == null) {
            work()
            return
        }
        if (agent != null) {
            throw new Rejected('an approval may not hold an agent')
        }
        Map<String, Map> asked = blocks.named(body, 'input')
        build.record(event: 'input', stage: path(), message: asked.message.arguments[0], by: asked.submitter?.arguments)
        Map approval = null
        waitUntil { (approval = build.answer()) != null }
        if (approval.late) {
            // Nobody answers until the timeout around the question is over.
            Clock.passUntil(deadlines.min() + 1)
            waitUntil { false }
        }
        if (approval.abort) {
            throw new Interrupted("rejected by ${approval.abort}")
        }
        String name = asked.submitterParameter?.arguments?.getAt(0)
        during(name ? [(name): approval.by.toString()] : [:], work)
    }

    /** On an agent, and on another one if it is lost and `retries` allows it. */
    private void onAgent(Map entry, Closure work) {
        Map<String, Map> wanted = entry?.body ? blocks.named((Closure) entry.body, 'agent') : null
        if (!wanted) {
            work()
            return
        }
        Map<String, Map> node = wanted.node ? blocks.named((Closure) wanted.node.body, 'node') : wanted
        int left = (int) (node.retries?.arguments?.getAt(0) ?: 1)
        boolean done = false
        while (!done) {
            try {
                left--
                allocated(node.label.arguments[0].toString(), work)
                done = true
            } catch (AgentLost lost) {
                if (left < 1) {
                    throw lost
                }
                build.record(event: 'retry', stage: path(), why: lost.message)
                build.say("${lost.message}\nRetrying")
            }
        }
    }

    private void allocated(String label, Closure work) {
        Agent before = agent
        Agent taken = agents.take(label)
        try {
            agent = taken
            during(description.checksOut ? steps.checkout((Map) globals.scm, true) : [:], work)
        } finally {
            agent = before
            taken.close()
        }
    }

    private void withEnvironment(Closure body, Closure work) {
        during(blocks.assignments(body), work)
    }

    private void during(Map<String, String> variables, Closure work) {
        environments << variables
        try {
            work()
        } finally {
            environments.pop()
        }
    }

    /** Say once what ended a step, and pass it on. */
    private Exception tell(Exception thrown) {
        if (thrown.is(told)) {
            return thrown
        }
        told = thrown
        boolean aborted = thrown instanceof Interrupted
        Map event = aborted ? [event: 'aborted', by: thrown.message] :
            [event: 'error', message: thrown.message, step: thrown instanceof StepFailed]
        build.record(event + [stage: path()])
        build.say(aborted ? "Aborted: ${thrown.message}" : "ERROR: ${thrown}")
        return thrown
    }

    private Exception told
}
