// Run a command, or `weighbridge: ARGUMENTS`; an exit code other than 0 fails the build with a sentence. Exit code 3 is
// a failure of the infrastructure, safe to try again; nothing else is. `key` is the id of a secret text, public keys
// that the command trusts.
void call(Map how) {
    if (how.key) {
        withCredentials([string(credentialsId: how.key, variable: 'WEIGHBRIDGE_VERIFY_KEY')]) {
            attempt(how)
        }
    } else {
        attempt(how)
    }
}

void attempt(Map how) {
    Map limit = [time: how.hours ?: how.seconds ?: 12, unit: how.seconds ? 'SECONDS' : 'HOURS']
    String command = how.command ?: "weighbridge ${how.weighbridge}"
    int code = 3
    for (int turn = 1; code == 3 && turn <= 3; turn++) {
        if (turn > 1) {
            sleep(time: turn * 20, unit: 'SECONDS')
        }
        code = exitCode(command, limit)
    }
    if (code != 0) {
        Map meanings = how.weighbridge ? [1: 'A gate refused.', 3: 'The infrastructure failed three times.'] : [:]
        error(meanings[code] ?: "Exit code ${code}.")
    }
}

// What takes too long has failed. Jenkins would call it aborted, as if a person had ended it, and nobody would be told.
// Its sandbox does not say what ended a step, but the clock does.
int exitCode(String command, Map limit) {
    long deadline = System.currentTimeMillis() + limit.time * (limit.unit == 'HOURS' ? 3600000 : 1000)
    try {
        return timeout(limit) {
            withEnv(["PATH+WEIGHBRIDGE=${env.WORKSPACE}/.venv/bin"]) {
                sh(script: command, returnStatus: true)
            }
        }
    } catch (InterruptedException ended) {
        if (System.currentTimeMillis() < deadline) {
            throw ended
        }
        error("It took longer than ${limit.time} ${limit.unit.toLowerCase()}.")
    }
}
