/** `env`: what the current place of the build sees; what is assigned is seen from then on. */
class Environment extends GroovyObjectSupport {
    private final Runner runner

    Environment(Runner runner) {
        this.runner = runner
    }

    @Override
    Object getProperty(String name) {
        return runner.environment()[name]
    }

    @Override
    void setProperty(String name, Object value) {
        runner.assign(name, value.toString())
    }
}
