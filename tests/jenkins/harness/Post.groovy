/** Post conditions: which of them hold, judged by the result that the build would have now. */
class Post {
    private final Build build
    private final Blocks blocks

    Post(Build build, Blocks blocks) {
        this.build = build
        this.blocks = blocks
    }

    /**
     * Run the conditions that hold.
     *
     * @param body the block `post`; null for none
     * @param path the stage's, for the journal
     * @param error what ended the stage or the build; null for nothing
     * @return that, else what a condition threw
     */
    Exception run(Closure body, String path, Exception error) {
        Exception first = error
        Map<String, Map> conditions = body ? blocks.named(body, 'post') : [:]
        holding.each { String name, Closure<Boolean> holds ->
            String now = combined(first)
            if (conditions[name] && holds(now, build.previousResult())) {
                build.record(event: 'post', stage: path, condition: name)
                String before = build.result
                build.result = now
                try {
                    blocks.run((Closure) conditions[name].body, 'steps')
                } catch (Rejected rejected) {
                    throw rejected
                } catch (Exception thrown) {
                    build.say("Error when executing ${name} post condition: ${thrown}")
                    first = first ?: thrown
                } finally {
                    build.result = build.result == now ? before : build.result
                }
            }
        }
        return first
    }

    /** The build's result if it ended like this. */
    String combined(Exception error) {
        String thrown = error == null ? 'SUCCESS' : error instanceof Interrupted ? error.result : 'FAILURE'
        return Build.worst(build.result, build.ended, thrown)
    }

    private static Map<String, Closure<Boolean>> getHolding() {
        return [
            always: { now, before -> true },
            changed: { now, before -> before != now },
            fixed: { now, before -> now == 'SUCCESS' && before in ['FAILURE', 'UNSTABLE'] },
            regression: { now, before -> before != null && Build.worst(now, before) != before },
            aborted: { now, before -> now == 'ABORTED' },
            failure: { now, before -> now == 'FAILURE' },
            success: { now, before -> now == 'SUCCESS' },
            unstable: { now, before -> now == 'UNSTABLE' },
            unsuccessful: { now, before -> now != 'SUCCESS' },
            notBuilt: { now, before -> now == 'NOT_BUILT' },
            cleanup: { now, before -> true },
        ]
    }
}
