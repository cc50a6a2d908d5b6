/**
 * A locked file, which one build at a time holds; the system lets go of it when the harness ends, however it ends.
 *
 * It also lets go of it when this process closes that file anywhere else: so nothing reads or writes it meanwhile.
 */
class Held implements Closeable {
    private static final Set<File> MINE = []
    private final File path
    private final RandomAccessFile file

    private Held(File path, RandomAccessFile file) {
        this.path = path
        this.file = file
    }

    /** Hold a file; null if somebody else does, this very build included. */
    static Held take(File path) {
        if (path in MINE) {
            return null
        }
        path.parentFile.mkdirs()
        RandomAccessFile file = new RandomAccessFile(path, 'rw')
        if (file.channel.tryLock() == null) {
            file.close()
            return null
        }
        MINE << path
        return new Held(path, file)
    }

    /** Run some work while a file is held, waiting for it first. */
    static Object during(File path, Closure work) {
        path.parentFile.mkdirs()
        RandomAccessFile file = new RandomAccessFile(path, 'rw')
        try {
            file.channel.lock()
            return work()
        } finally {
            file.close()
        }
    }

    @Override
    void close() {
        MINE.remove(path)
        file.close()
    }
}
