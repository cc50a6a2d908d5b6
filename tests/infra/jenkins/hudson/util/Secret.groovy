package hudson.util

/** Stands in for Jenkins' own: what the job's script makes of a secret text. */
class Secret {
    final String text

    Secret(String text) {
        this.text = text
    }

    static Secret fromString(String text) {
        return new Secret(text)
    }
}
