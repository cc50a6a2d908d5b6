/** Evaluates blocks of a script: what stands in them by name or in order, what they assign, what they do. */
class Blocks {
    /** Run a block of steps or code. */
    Object run(Closure body, String kind) {
        return evaluate(body, new Scope(script(body), kind))
    }

    Map<String, Map> named(Closure body, String kind) {
        return all(body, kind).collectEntries { [it.name, it] }
    }

    List<Map> all(Closure body, String kind) {
        Scope scope = body ? new Scope(script(body), kind) : null
        if (scope != null) {
            evaluate(body, scope)
        }
        return scope?.entries ?: []
    }

    Map<String, String> assignments(Closure body) {
        if (body == null) {
            return [:]
        }
        Scope scope = new Scope(script(body), 'environment')
        evaluate(body, scope)
        return scope.assigned.collectEntries { name, value -> [name, value.toString()] }
    }

    /**
     * Stages as Jenkins takes them in before anything runs: their options, those of the stages within them included, are
     * evaluated now; all else when its time has come.
     */
    List<Map> stages(Closure body) {
        return all(body, 'stages').collect { Map entry ->
            Map<String, Map> parts = named((Closure) entry.body, 'stage')
            [name: entry.arguments[0].toString(), parts: parts,
             options: parts.options ? named((Closure) parts.options.body, 'stage options') : [:],
             stages: parts.stages ? stages((Closure) parts.stages.body) : null]
        }
    }

    /** The Jenkinsfile, or the variable of a library, that a block stands in. */
    private static JenkinsScript script(Closure body) {
        return (JenkinsScript) body.thisObject
    }

    private static Object evaluate(Closure body, Scope scope) {
        Closure copy = (Closure) body.clone()
        copy.delegate = scope
        copy.resolveStrategy = Closure.DELEGATE_ONLY
        return copy.call()
    }
}
