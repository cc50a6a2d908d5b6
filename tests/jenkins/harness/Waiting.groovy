import groovy.json.JsonOutput
import groovy.json.JsonSlurper

/**
 * What there is a limited number of, as locked files in a folder, so that builds of several jobs really wait for each other.
 *
 * All that one wants is taken at once or not at all. Who waits longest comes first, unless what he wants is taken.
 */
class Waiting {
    private final Runner runner
    private final File folder

    Waiting(Runner runner, File folder) {
        this.runner = runner
        this.folder = folder
    }

    /**
     * Wait for things and hold them.
     *
     * @param wants each `[names: …, count: …]`: so many of these names
     * @return name to what holds it
     */
    Map<String, Held> take(List<Map> wants) {
        File ticket = null
        Held mine = null
        Held.during(mutex) {
            ticket = new File(folder, "queue/${String.format('%020d', System.nanoTime())}-${runner.build.number}")
            ticket.parentFile.mkdirs()
            ticket.text = JsonOutput.toJson(wants)
            mine = Held.take(ticket)
        }
        Map<String, Held> held = null
        try {
            runner.waitUntil {
                held = (Map<String, Held>) Held.during(mutex) { mayGo(ticket) ? takeAll(wants) : null }
                held != null
            }
        } finally {
            ticket.delete()
            mine.close()
        }
        return held
    }

    /** Whether nobody who has waited for longer could go now. */
    private boolean mayGo(File ticket) {
        return new File(folder, 'queue').listFiles().findAll { it.name < ticket.name }.every { File earlier ->
            Held left = earlier.exists() ? Held.take(earlier) : null
            if (left != null) {
                // Its build has ended.
                left.close()
                earlier.delete()
                return true
            }
            String wants = earlier.exists() ? earlier.text : ''
            Map<String, Held> could = wants ? takeAll((List<Map>) new JsonSlurper().parseText(wants)) : null
            could?.values()*.close()
            could == null
        }
    }

    private Map<String, Held> takeAll(List<Map> wants) {
        Map<String, Held> held = [:]
        for (Map want : wants) {
            int missing = (int) want.count
            for (String name : (List<String>) want.names) {
                Held found = missing > 0 ? Held.take(new File(folder, "held/${name}")) : null
                if (found != null) {
                    held[name] = found
                    missing--
                }
            }
            if (missing > 0) {
                held.values()*.close()
                return null
            }
        }
        return held
    }

    private File getMutex() {
        return new File(folder, 'mutex')
    }
}
