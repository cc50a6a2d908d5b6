import java.lang.reflect.Field

/** Base class of the compiled Jenkinsfile: `pipeline` runs it; calls that are none of its own helpers are steps. */
abstract class JenkinsScript extends Script {
    /** Called by the Jenkinsfile. */
    void pipeline(Closure body) {
        ((Runner) binding.getVariable('runner')).run(body)
    }

    /** Whether the Jenkinsfile itself has a method of that name. */
    boolean helper(String name) {
        return this.class.declaredMethods.any { it.name == name }
    }

    /** A field of the Jenkinsfile, else one of what Jenkins gives it: params, env, currentBuild. */
    Object read(String name) {
        Field field = field(name)
        return field == null ? getProperty(name) : field.get(this)
    }

    /** Assign a field of the Jenkinsfile; a name without `@Field` would be gone with the block. */
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

    Object methodMissing(String name, Object given) {
        if (!Grammar.STEPS.containsKey(name)) {
            throw new Rejected("${name} is not a step that is known")
        }
        return ((Runner) binding.getVariable('runner')).steps.call(name, given as List)
    }

    // Groovy itself gives every object a sleep(milliseconds).
    Object sleep(Map given) {
        return methodMissing('sleep', [given])
    }
}
