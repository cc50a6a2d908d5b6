import java.nio.channels.FileLock

/** Lockable resources as locked files, so that builds of several jobs really wait for each other. */
class Locks {
    private final Build build

    Locks(Build build) {
        this.build = build
    }

    /**
     * Hold a resource, and the `extra` ones, while some work runs.
     *
     * @param wanted the arguments of `lock`
     * @param work what runs meanwhile
     */
    void holding(Map wanted, Closure work) {
        List<List<String>> choices = [wanted, *(wanted.extra ?: [])].collect { candidates((Map) it) }
        List<RandomAccessFile> held = []
        try {
            build.record(event: 'lock wanted', choices: choices)
            choices.each { List<String> names ->
                build.waitUntil {
                    RandomAccessFile found = names.findResult { tryLock((String) it) }
                    found != null && held.add(found)
                }
            }
            build.record(event: 'lock held', choices: choices)
            work()
        } finally {
            held*.close()
            build.record(event: 'lock released', choices: choices)
        }
    }

    /** Names of which one is to be had: the resource itself, or all that carry the label. */
    private List<String> candidates(Map wanted) {
        if (wanted.resource != null) {
            return [wanted.resource.toString()]
        }
        List<String> labelled = (List<String>) build.config.resources?.get(wanted.label.toString())
        if (!labelled) {
            throw new IllegalStateException("The label does not exist: ${wanted.label}")
        }
        return labelled
    }

    private RandomAccessFile tryLock(String name) {
        File folder = new File((String) build.config.locks)
        folder.mkdirs()
        RandomAccessFile file = new RandomAccessFile(new File(folder, name), 'rw')
        FileLock lock = file.channel.tryLock()
        if (lock == null) {
            file.close()
            return null
        }
        return file
    }
}
