/** The agents that there are, each with one executor: a build waits for one that is free. */
class Agents {
    private final Runner runner
    private final Map<String, List<String>> labels

    Agents(Runner runner) {
        this.runner = runner
        labels = (Map<String, List<String>>) runner.build.config.agents
    }

    /** Wait for an agent with a label. Where none has it Jenkins waits for ever; here that is an error. */
    Agent take(String label) {
        List<String> fitting = labels.findAll { String name, List<String> has -> label in has }*.key
        if (!fitting) {
            throw new IllegalStateException("No agent has the label ${label}; there are: ${labels.values().flatten()}")
        }
        File pool = new File((String) runner.build.config.pool)
        runner.build.record(event: 'agent wanted', stage: runner.path(), label: label, timeouts: runner.timeouts)
        Map<String, Held> held = new Waiting(runner, pool).take([[names: fitting, count: 1]])
        String name = held.keySet()[0]
        Agent taken = new Agent(name, label, held[name], runner.build)
        runner.build.record(event: 'agent', stage: runner.path(), label: label, name: taken.name)
        return taken
    }
}
