/**
 * What a block of the Jenkinsfile sees: its directives are collected or its steps are run; names are the script's.
 *
 * Kinds other than `steps` collect what stands in them as `[name:, arguments:, body:]`, the bodies unevaluated.
 */
class Scope extends GroovyObjectSupport {
    final List<Map> entries = []
    final Map<String, Object> assigned = [:]
    private final JenkinsScript script
    private final String kind

    Scope(JenkinsScript script, String kind) {
        this.script = script
        this.kind = kind
    }

    @Override
    Object invokeMethod(String name, Object given) {
        List arguments = given as List
        if (kind in ['steps', 'script', 'code']) {
            return script.invokeMethod(name, given)
        }
        if (Grammar.BLOCKS[kind]?.containsKey(name)) {
            Closure body = (Closure) arguments.find { it instanceof Closure }
            entries << [name: name, arguments: arguments.findAll { !(it instanceof Closure) }, body: body]
            return null
        }
        // An argument such as logRotator(…), or a helper of the Jenkinsfile.
        return script.helper(name) ? script.invokeMethod(name, given) : [(name): arguments]
    }

    @Override
    Object getProperty(String name) {
        // A directive without arguments may stand without brackets, e.g. `agent none`.
        return name == 'none' ? 'none' : name in ['entries', 'assigned'] ? this.@"$name" : script.read(name)
    }

    @Override
    void setProperty(String name, Object value) {
        if (kind == 'environment') {
            assigned[name] = value
        } else {
            script.write(name, value)
        }
    }
}
