/** The build, or a part of it, is ended: by a person, by a newer build, or by a timeout. */
class Interrupted extends InterruptedException {
    /** What the build becomes: ABORTED, or NOT_BUILT where a newer build took its place. */
    final String result

    Interrupted(String message, String result = 'ABORTED') {
        super(message)
        this.result = result
    }
}
