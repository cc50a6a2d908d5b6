/** The agent is gone, e.g. a preempted pod: the running step fails, and so do all others that need it. */
class AgentLost extends RuntimeException {
    AgentLost(String name) {
        super("${name} was marked offline: Connection was broken")
    }
}
