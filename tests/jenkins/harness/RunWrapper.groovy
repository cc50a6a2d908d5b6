/** `currentBuild`, and the builds that are reached from it: what Jenkins' sandbox lets a Jenkinsfile see of a build. */
class RunWrapper extends GroovyObjectSupport {
    private static final List<String> SHOWN = ['number', 'result', 'currentResult', 'description', 'buildVariables',
                                               'previousBuild', 'previousBuildInProgress', 'previousCompletedBuild', 'nextBuild']
    private final Build build
    private final int number

    RunWrapper(Build build, int number) {
        this.build = build
        this.number = number
    }

    @Override
    Object getProperty(String name) {
        if (!(name in SHOWN)) {
            throw new Rejected("Scripts not permitted to use ${name} of a build")
        }
        // Closures would find a field of this class as a property of it, which is here.
        int at = number
        List<Map> all = (build.others() + [build.seen]).sort { it.number }
        Map seen = all.find { it.number == at }
        List<Map> older = all.findAll { it.number < at }.reverse()
        switch (name) {
            case 'number': return at
            case 'result': return seen.running && seen.result == 'SUCCESS' ? null : seen.result
            case 'currentResult': return seen.result ?: 'SUCCESS'
            case 'description': return seen.description
            case 'buildVariables': return seen.variables
            case 'previousBuild': return other(older.find())
            case 'previousBuildInProgress': return other(older.find { it.running })
            case 'previousCompletedBuild': return other(older.find { !it.running })
            default: return other(all.find { it.number > at })
        }
    }

    @Override
    void setProperty(String name, Object value) {
        if (number != build.number || !(name in ['result', 'description'])) {
            throw new Rejected("${name} of build ${number} cannot be set")
        }
        if (name == 'result') {
            build.result = Build.worst(build.result, value.toString())
        } else {
            build.change([description: value.toString()])
        }
    }

    private RunWrapper other(Map seen) {
        return seen == null ? null : new RunWrapper(build, (int) seen.number)
    }
}
