/** A step failed, as `hudson.AbortException` in Jenkins: its message is shown, without a stack trace. */
class StepFailed extends RuntimeException {
    StepFailed(String message) {
        super(message)
    }
}
