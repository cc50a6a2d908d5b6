/** The Jenkinsfile is none that Jenkins, or this harness, would take. */
class Rejected extends RuntimeException {
    Rejected(String message) {
        super(message)
    }
}
