/**
 * An agent with a label: a fresh clone of the commit in the job's workspace, which has the same path on every agent.
 *
 * Nothing that an earlier agent left is there, except what `config.keep` names (as an image would bring it). The command
 * `config.provision` stands for what an agent's image holds.
 */
class Agent {
    final String label
    final File workspace
    final Map<String, String> environment

    Agent(String label, Build build) {
        this.label = label
        Map config = build.config
        List<String> labels = (List<String>) config.labels
        if (!(label in labels)) {
            throw new IllegalStateException("No agent has the label ${label}; there are: ${labels.join(', ')}")
        }
        workspace = new File((String) config.workspace)
        checkout(config, build)
        String good = build.lastGoodCommit()
        environment = (['WORKSPACE': workspace.path, 'NODE_NAME': label, 'GIT_COMMIT': (String) config.commit] +
            (good ? ['GIT_PREVIOUS_SUCCESSFUL_COMMIT': good] : [:]) + (Map) (config.agentEnvironment ?: [:]))
        build.record(event: 'agent', label: label, commit: config.commit)
        provision(config)
    }

    private void checkout(Map config, Build build) {
        if (!new File(workspace, '.git').exists()) {
            git(build.home, 'clone', '--quiet', '--no-checkout', (String) config.repository, workspace.path)
        }
        git(workspace, 'fetch', '--quiet', 'origin', '+refs/heads/*:refs/remotes/origin/*')
        git(workspace, 'checkout', '--quiet', '--force', '--detach', (String) config.commit)
        List<String> kept = ((List<String>) (config.keep ?: [])).collectMany { ['-e', it] }
        git(workspace, 'clean', '-ffdxq', *kept)
    }

    private void provision(Map config) {
        if (config.provision) {
            run(workspace, ['sh', '-ec', (String) config.provision])
        }
    }

    private static void git(File where, String... arguments) {
        run(where, ['git', *arguments])
    }

    private static void run(File where, List<String> command) {
        Process process = new ProcessBuilder(command).directory(where).redirectErrorStream(true).start()
        String output = process.inputStream.text
        if (process.waitFor() != 0) {
            throw new IllegalStateException("${command.join(' ')}: ${output}")
        }
    }
}
