/**
 * What of declarative Pipeline, and which steps, this harness knows. Whatever is not listed here is rejected: a Jenkinsfile
 * that uses more needs more of the harness first. The rules are those of the syntax reference on jenkins.io.
 */
class Grammar {
    /** What a block may hold: name to the kind of its own block, or to `null` where it takes arguments only. */
    static final Map<String, Map<String, String>> BLOCKS = [
        pipeline    : [agent: 'agent', options: 'options', parameters: 'parameters', triggers: 'triggers',
                       environment: 'environment', stages: 'stages', post: 'post'],
        stages      : [stage: 'stage'],
        stage       : [agent: 'agent', options: 'stage options', when: 'when', input: 'input', environment: 'environment',
                       stages: 'stages', steps: 'steps', post: 'post'],
        agent       : [label: null, node: 'node'],
        node        : [label: null, retries: null],
        when        : [beforeAgent: null, beforeInput: null, beforeOptions: null, expression: 'code'],
        input       : [message: null, ok: null, submitter: null, submitterParameter: null],
        post        : ['always', 'changed', 'fixed', 'regression', 'aborted', 'failure', 'success', 'unstable',
                       'unsuccessful', 'notBuilt', 'cleanup'].collectEntries { [it, 'steps'] },
        options     : [disableConcurrentBuilds: null, disableRestartFromStage: null, skipDefaultCheckout: null,
                       buildDiscarder: null, timestamps: null],
        'stage options': [timeout: null, lock: null],
        parameters  : [string: null, choice: null, booleanParam: null],
        triggers    : [pollSCM: null, cron: null, upstream: null, GenericTrigger: null],
    ]

    /** Blocks that must hold all of these, and blocks that must hold exactly one of these. */
    static final Map<String, List<String>> REQUIRED = [pipeline: ['agent', 'stages'], stages: ['stage'],
                                                       node: ['label'], input: ['message'], when: ['expression']]
    static final Map<String, List<String>> ONE_OF = [stage: ['steps', 'stages'], agent: ['label', 'node']]

    /** What may be given several times in one block. */
    static final Set<String> REPEATABLE = ['stage', 'string', 'choice', 'booleanParam'] as Set

    /** Named arguments: those required, and all that are known. An entry without names takes one value or none. */
    static final Map<String, Map<String, List<String>>> ARGUMENTS = [
        disableConcurrentBuilds: [all: ['abortPrevious']],
        buildDiscarder    : [:],
        logRotator        : [all: ['numToKeepStr', 'artifactNumToKeepStr', 'daysToKeepStr']],
        timeout           : [required: ['time'], all: ['time', 'unit']],
        // Jenkins' own validator wants `resource` in declarative Pipeline, also where a label is locked.
        lock              : [required: ['resource'], all: ['resource', 'label', 'quantity', 'extra']],
        milestone         : [all: ['ordinal', 'label', 'unsafe']],
        checkout          : [required: ['scm'], all: ['scm', 'poll', 'changelog']],
        scmGit            : [required: ['branches', 'userRemoteConfigs'],
                             all: ['branches', 'extensions', 'userRemoteConfigs']],
        string            : [all: ['name', 'defaultValue', 'trim', 'description', 'credentialsId', 'variable']],
        choice            : [required: ['name', 'choices'], all: ['name', 'choices', 'description']],
        booleanParam      : [required: ['name'], all: ['name', 'defaultValue', 'description']],
        upstream          : [required: ['upstreamProjects'], all: ['upstreamProjects', 'threshold']],
        GenericTrigger    : [all: ['tokenCredentialId', 'causeString', 'genericVariables', 'regexpFilterText',
                                   'regexpFilterExpression', 'printContributedVariables', 'printPostContent']],
        sh                : [required: ['script'], all: ['script', 'returnStatus', 'returnStdout', 'label']],
        error             : [:],
        echo              : [:],
        library           : [required: ['identifier'], all: ['identifier', 'retriever', 'changelog']],
        legacySCM         : [required: ['scm'], all: ['scm', 'libraryPath', 'clone']],
        modernSCM         : [required: ['scm'], all: ['scm', 'libraryPath', 'clone']],
        catchError        : [all: ['message', 'buildResult', 'stageResult', 'catchInterruptions']],
        usernamePassword  : [required: ['credentialsId', 'usernameVariable', 'passwordVariable'],
                             all: ['credentialsId', 'usernameVariable', 'passwordVariable']],
        sleep             : [required: ['time'], all: ['time', 'unit']],
        script            : [:],
        // Without returnPojo a null of the JSON is true in Groovy.
        readJSON          : [required: ['file', 'returnPojo'], all: ['file', 'returnPojo']],
        withCredentials   : [:],
        withEnv           : [:],
        dir               : [:],
        deleteDir         : [:],
        junit             : [required: ['testResults'],
                             all: ['testResults', 'allowEmptyResults', 'skipMarkingBuildUnstable']],
        archiveArtifacts  : [required: ['artifacts'], all: ['artifacts', 'allowEmptyArchive', 'fingerprint']],
        publishHTML       : [required: ['target'], all: ['target']],
        publishChecks     : [required: ['name'], all: ['name', 'title', 'summary', 'text', 'conclusion']],
        mail              : [required: ['to', 'subject', 'body'], all: ['to', 'subject', 'body']],
    ]

    /** Steps, and which of them take a block of steps; `script` takes code. Those in the third line only describe. */
    static final Map<String, String> STEPS = [
        sh: null, error: null, echo: null, sleep: null, readJSON: null, deleteDir: null, junit: null, archiveArtifacts: null,
        publishHTML: null, publishChecks: null, mail: null, milestone: null, checkout: null, library: null,
        string: null, usernamePassword: null, scmGit: null, legacySCM: null, modernSCM: null,
        script: 'code', withCredentials: 'steps', withEnv: 'steps', dir: 'steps', lock: 'steps', timeout: 'steps', catchError: 'steps',
    ]

    /** Steps that work on an agent; the others run on the controller. */
    static final Set<String> ON_AGENT = ['sh', 'dir', 'deleteDir', 'junit', 'archiveArtifacts', 'publishHTML', 'readJSON',
                                         'checkout'] as Set

    static final List<String> CONCLUSIONS = ['NONE', 'ACTION_REQUIRED', 'SKIPPED', 'CANCELED', 'TIME_OUT', 'FAILURE',
                                             'NEUTRAL', 'SUCCESS']
}
