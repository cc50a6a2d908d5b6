/** The build is aborted: by a person, by a newer build, or by a timeout. */
class Interrupted extends RuntimeException {
    Interrupted(String message) {
        super(message)
    }
}
