// Check out, and have `weighbridge`. Each agent gets the commit that the first one got: in a plain job the branch may
// have moved on since. A pull request is compared with its target, which a checkout need not bring.
//
// commit: what the first agent got, empty on the first. Returns it.
String call(String commit, String command) {
    boolean pinned = commit && !env.BRANCH_NAME
    String found = commit
    if (!pinned) {
        Map answer = checkout(scm: scm)
        found = answer.GIT_COMMIT
        env.GIT_PREVIOUS_SUCCESSFUL_COMMIT = answer.GIT_PREVIOUS_SUCCESSFUL_COMMIT ?: ''
    }
    if (pinned || env.CHANGE_TARGET) {
        Map remote = [url: scm.userRemoteConfigs[0].url, credentialsId: scm.userRemoteConfigs[0].credentialsId]
        checkout(poll: false, changelog: false, scm: scmGit(branches: [[name: found]], userRemoteConfigs: [remote],
                                                            extensions: pinned ? scm.extensions : []))
    }
    if (command) {
        weighbridgeAttempt(command: command)
    } else if (sh(script: 'test -x .venv/bin/weighbridge || command -v weighbridge', returnStatus: true) != 0) {
        error("The agent ${env.NODE_NAME} has no weighbridge, neither on PATH nor in .venv/bin: install it in its " +
              "image, or give a command that does, e.g. weighbridge(setUp: 'make setup').")
    }
    return found
}
