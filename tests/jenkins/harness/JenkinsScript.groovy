import java.lang.reflect.Field

/**
 * Base class of the compiled Jenkinsfile and of each variable of a library: `pipeline` runs it; calls that are none of its
 * own helpers are variables of libraries or steps. Each has a binding of its own, and so its own copy of a variable.
 */
abstract class JenkinsScript extends Script {
    /** Called by the Jenkinsfile, or by a library. */
    void pipeline(Closure body) {
        runner().run(body)
    }

    /** Whether the script itself, or a library, has something of that name to call. */
    boolean helper(String name) {
        return this.class.declaredMethods.any { it.name == name } || runner().libraries.has(name)
    }

    /** A field of the script, else one of what Jenkins gives it: params, env, currentBuild, scm. */
    Object read(String name) {
        Field field = field(name)
        return field == null ? getProperty(name) : field.get(this)
    }

    /** Assign a field of the script; a name without `@Field` would be gone with the block. */
    void write(String name, Object value) {
        Field field = field(name)
        if (field == null) {
            throw new Rejected("${name} is assigned, but no @Field")
        }
        field.set(this, value)
    }

    private Field field(String name) {
        Field found = this.class.declaredFields.find { it.name == name }
        found?.accessible = true
        return found
    }

    @Override
    Object getProperty(String name) {
        Binding mine = getBinding()
        if (mine.hasVariable(name) || !mine.hasVariable('runner')) {
            return super.getProperty(name)
        }
        Map globals = runner().globals
        return globals.containsKey(name) ? globals[name] : super.getProperty(name)
    }

    Object methodMissing(String name, Object given) {
        Runner runner = runner()
        if (runner.libraries.has(name)) {
            Binding mine = getBinding()
            if (!mine.hasVariable(name)) {
                mine.setVariable(name, runner.libraries.variable(name))
            }
            return ((Script) mine.getVariable(name)).invokeMethod('call', given)
        }
        if (!Grammar.STEPS.containsKey(name)) {
            throw new Rejected("No such DSL method '${name}' found among steps ${Grammar.STEPS.keySet()}")
        }
        return runner.steps.call(name, given as List)
    }

    // Groovy itself gives every object a sleep(milliseconds).
    Object sleep(Map given) {
        return methodMissing('sleep', [given])
    }

    private Runner runner() {
        return (Runner) getBinding().getVariable('runner')
    }
}
