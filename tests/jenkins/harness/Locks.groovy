/** Lockable resources, and the step that waits for them. */
class Locks {
    private final Runner runner
    private final Waiting queue
    private final Map<String, List<String>> labelled

    Locks(Runner runner) {
        this.runner = runner
        queue = new Waiting(runner, new File((String) runner.build.config.locks))
        labelled = (Map<String, List<String>>) (runner.build.config.resources ?: [:])
    }

    /**
     * Hold a resource, and the `extra` ones, while some work runs.
     *
     * @param wanted the arguments of `lock`
     * @param work what runs meanwhile
     */
    Object holding(Map wanted, Closure work) {
        List<Map> wants = [wanted, *(wanted.extra ?: [])].collect { want((Map) it) }
        Map event = [stage: runner.path(), choices: wants*.names]
        runner.build.record([event: 'lock wanted', timeouts: runner.timeouts, agent: runner.agent?.name] + event)
        Map<String, Held> held = queue.take(wants)
        try {
            runner.build.record([event: 'lock held'] + event)
            return work()
        } finally {
            held.values()*.close()
            runner.build.record([event: 'lock released'] + event)
        }
    }

    /** The resource itself, or those with the label: all of them where no quantity is given. */
    private Map want(Map wanted) {
        if (wanted.resource != null) {
            return [names: [wanted.resource.toString()], count: 1]
        }
        List<String> names = labelled[wanted.label.toString()]
        if (!names) {
            throw new IllegalStateException("The label does not exist: ${wanted.label}")
        }
        return [names: names, count: wanted.quantity ?: names.size()]
    }
}
