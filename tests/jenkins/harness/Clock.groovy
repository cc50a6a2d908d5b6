/** The time that Jenkinsfile and harness see, which may pass at once. */
class Clock {
    /** Let it be a later time from now on. */
    static void passUntil(long moment) {
        long ahead = moment - new Date().time
        System.metaClass.static.currentTimeMillis = { -> new Date().time + ahead }
    }
}
