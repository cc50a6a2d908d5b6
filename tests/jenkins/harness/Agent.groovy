/**
 * An agent with a workspace for the job, empty until something is checked out.
 *
 * Nothing that an earlier build left is there, except what `config.keep` names (as an image would bring it). The command
 * `config.provision` stands for what an agent's image holds. A file `<name>.lost` in the pool takes the agent away; the next
 * build that wants one gets another of that name.
 */
class Agent implements Closeable {
    final String name
    final String label
    final File workspace
    final Map<String, String> environment
    private final Build build
    private final Held held
    private final Git git
    private final File lost
    private final File parked
    private boolean fresh = true

    Agent(String name, String label, Held held, Build build) {
        this.name = name
        this.label = label
        this.held = held
        this.build = build
        lost = new File((String) build.config.pool, "${name}.lost")
        lost.delete()
        workspace = new File((String) build.config.workspace, name)
        git = new Git(workspace)
        parked = new File(workspace.parentFile, ".${name}")
        if (!parked.exists()) {
            workspace.renameTo(parked)
        }
        workspace.deleteDir()
        workspace.mkdirs()
        // Each time it is another pod, where something is to be empty at first.
        String pod = "${name}-${System.nanoTime()}"
        environment = [WORKSPACE: workspace.path, NODE_NAME: name] +
            ((Map) build.config.agentEnvironment ?: [:]).collectEntries { [it.key, it.value.replace('{pod}', pod)] }
    }

    /** Throw if the agent is gone. */
    void check() {
        if (lost.exists()) {
            throw new AgentLost(name)
        }
    }

    /**
     * Check out as the git plugin does.
     *
     * @param scm as `scmGit` makes it: a commit or a branch, and what is fetched
     * @return the variables that the step answers with
     */
    Map<String, String> checkout(Map scm) {
        if (fresh) {
            unpark()
        }
        String commit = git.fetch(scm)
        git.run('checkout', '--quiet', '--force', '--detach', commit)
        if (fresh) {
            git.run('clean', '-ffdxq', *((List<String>) (build.config.keep ?: [])).collectMany { ['-e', it] })
            if (build.config.provision) {
                git.command(['sh', '-ec', (String) build.config.provision])
            }
        }
        fresh = false
        String good = build.lastGoodCommit()
        return [GIT_COMMIT: commit, GIT_URL: (String) scm.userRemoteConfigs[0].url] + (good ? [GIT_PREVIOUS_SUCCESSFUL_COMMIT: good] : [:])
    }

    /** Files of the same content keep their times, which saves compiling them again; refs of other builds are gone. */
    private void unpark() {
        if (parked.exists()) {
            workspace.deleteDir()
            parked.renameTo(workspace)
            git.run('for-each-ref', '--format=%(refname)', 'refs/remotes').readLines().each { git.run('update-ref', '-d', it) }
        } else {
            git.run('init', '--quiet')
        }
    }

    @Override
    void close() {
        held.close()
    }
}
