// Tell whoever is to be told, of what is said, or at the end of a build of a result that is another one. A build that a
// person or a newer build ended is passed over, as if it had not been.
void call(Map settings, String what = '', String where = '') {
    String told = what ?: news()
    if (told && settings.notify) {
        mail(to: settings.notify, subject: "${env.JOB_NAME} ${env.BUILD_NUMBER}: ${told}",
             body: "${where ?: env.BUILD_URL} (${env.PIPELINE})")
    }
}

// The result, where the last one was another; else nothing.
String news() {
    List silent = ['ABORTED', 'NOT_BUILT']
    Object before = currentBuild.previousCompletedBuild
    while (before && before.result in silent) {
        before = before.previousCompletedBuild
    }
    String now = currentBuild.currentResult
    return now in silent || now == (before ? before.result : 'SUCCESS') ? '' : now
}
