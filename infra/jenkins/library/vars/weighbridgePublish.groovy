// A gate is a test case, a verdict a page and a check of the pull request, and what its reviewer reads.
//
// title: of what was weighed. comment: id of a credential that may comment on pull requests; empty for none.
// skipped: titles, and whether each will come, where some do not.
void call(Map what) {
    if (what.skipped) {
        skip(what.skipped)
        return
    }
    String summary = withEnv(["PATH+WEIGHBRIDGE=${env.WORKSPACE}/.venv/bin"]) {
        sh(script: 'weighbridge ci summary verdicts', returnStdout: true)
    }
    Map known = [SUCCESS: 'SUCCESS', NOT_BUILT: 'CANCELED', ABORTED: 'CANCELED']
    publishChecks(name: "Weighbridge ${what.title}", title: what.title, summary: summary,
                  conclusion: known[currentBuild.currentResult] ?: 'FAILURE')
    junit(testResults: 'verdicts/**/junit.xml', allowEmptyResults: true, skipMarkingBuildUnstable: true)
    archiveArtifacts(artifacts: 'verdicts/**', allowEmptyArchive: true, fingerprint: true)
    publishHTML(target: [reportName: what.title, reportDir: 'verdicts', reportFiles: '**/report.html, **/trend.html',
                         allowMissing: true, alwaysLinkToLastBuild: true, keepAll: true])
    if (what.comment && env.CHANGE_ID) {
        tellReviewers(what.comment)
    }
    dir('verdicts') { deleteDir() }
}

// One comment in the pull request, which the next replaces. A build is no worse for one that is not there.
void tellReviewers(String credential) {
    List tokens = ['GITHUB', 'GITLAB'].collect { service ->
        usernamePassword(credentialsId: credential, usernameVariable: "WEIGHBRIDGE_${service}_USER",
                         passwordVariable: "WEIGHBRIDGE_${service}_TOKEN")
    }
    catchError(message: 'The pull request got no comment.', buildResult: 'SUCCESS', stageResult: 'UNSTABLE',
               catchInterruptions: false) {
        withCredentials(tokens) {
            weighbridgeAttempt(weighbridge: 'ci comment verdicts', hours: 1)
        }
    }
}

// A branch may require these checks: one that never comes would hold up a commit that there is nothing to weigh of.
void skip(Map comes) {
    for (String title : ['Data', 'Rehearsal', 'Verdict']) {
        if (!comes[title]) {
            publishChecks(name: "Weighbridge ${title}", title: 'Nothing to weigh', conclusion: 'NEUTRAL',
                          summary: 'Nothing changed that this would weigh, or it is not weighed here.')
        }
    }
}
