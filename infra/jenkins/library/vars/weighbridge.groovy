// A commit, new data, a changed threshold, an alarm and the clock each start exactly the work they need, in any
// repository with a pipeline. Nothing is decided here: `weighbridge plan` says what changed, exit codes say whether to
// go on. See docs/ci.md; the arguments are in weighbridgeSettings.groovy.
import groovy.transform.Field

@Field Map settings = [:]
@Field String commit = ''
@Field Map changes = [:]
@Field Map plan = [:]
@Field List pending = []
@Field String canary = ''
@Field long asked = 0

// Jenkins turns into a pipeline what stands in the first method `call` of this file, and nothing elsewhere.
void call(Map given) {
    settings = weighbridgeSettings(given)
    pipeline {
        agent none
        options {
            skipDefaultCheckout()
            disableRestartFromStage()
            buildDiscarder(logRotator(numToKeepStr: '100', artifactNumToKeepStr: '30'))
            timestamps()
        }
        // A build has the defaults that the job had when it was asked for: an empty one stands for what is given now.
        parameters {
            string(name: 'PIPELINE', defaultValue: '', trim: true,
                   description: "Name or import path of a pipeline; empty: ${settings.pipeline}")
            string(name: 'DATA', defaultValue: '', trim: true,
                   description: "Input data; empty: ${settings.data ?: 'what the pipeline names'}")
            choice(name: 'MODE', choices: ['', 'local', 'kubeflow'],
                   description: "Train on an agent or on Kubeflow; empty: ${settings.mode}")
            choice(name: 'ACCELERATOR', choices: ['', 'cpu', 'gpu', 'tpu'],
                   description: "Agent to train on, in local mode; empty: ${settings.accelerator}")
            booleanParam(name: 'FORCE', defaultValue: false, description: 'Weigh even if nothing changed')
            booleanParam(name: 'DRY_RUN', defaultValue: false, description: 'End after the plan')
        }
        triggers {
            // A multibranch job looks for commits itself.
            pollSCM(env.BRANCH_NAME ? '' : 'H/5 * * * *')
            cron(onMain() ? settings.schedule : '')
            upstream(upstreamProjects: onMain() ? settings.upstream : '')
            // Without a credential nothing matches: else whoever sees the job could start it.
            GenericTrigger(
                tokenCredentialId: settings.webhook, causeString: 'Alarm $ALARM',
                genericVariables: [
                    [key: 'ALARM', value: '$.commonLabels.alertname'],
                    [key: alarmed(), value: '$.commonLabels.pipeline'],
                    [key: 'STATUS', value: '$.status'],
                ],
                regexpFilterText: "${settings.webhook && onMain() ? 'main' : 'none'} \$STATUS \$${alarmed()}",
                regexpFilterExpression: '^main firing [A-Za-z0-9_.]+$',
                printContributedVariables: false, printPostContent: false
            )
        }
        environment {
            PIPELINE = "${params.PIPELINE ?: settings.pipeline}"
            FORCE = "${params.FORCE ? '--force' : ''}"
            WEIGHBRIDGE_DATA = "${params.DATA ?: settings.data ?: env.WEIGHBRIDGE_DATA ?: ''}"
            WEIGHBRIDGE_REPORTS = 'verdicts'
        }
        stages {
            stage('Supersede') {
                when { expression { !onMain() } }
                // Before it waits for anything, a build of a branch ends those before it. On main each goes its way.
                steps { milestone(ordinal: currentBuild.number) }
            }
            stage('Check') {
                agent { node { label "${agents()}-cpu"; retries 2 } }
                stages {
                    stage('Set up') {
                        steps {
                            setUp()
                            script { changes = ask('changes.json', 'ci changes') }
                        }
                    }
                    stage('Lint') {
                        when { expression { settings.lint && changes.code } }
                        steps { weighbridgeAttempt(command: settings.lint, hours: 1) }
                    }
                    stage('Test') {
                        when { expression { tests().size() > 0 } }
                        steps {
                            script {
                                for (String command : tests()) {
                                    weighbridgeAttempt(command: command, hours: 4)
                                }
                            }
                        }
                        post { always { junit(testResults: settings.testResults, allowEmptyResults: true) } }
                    }
                    stage('Plan') {
                        steps {
                            script {
                                String base = '${CHANGE_TARGET:+--base="origin/$CHANGE_TARGET"}'
                                plan = ask('plan.json', "plan --json \$FORCE ${share()} ${base} -- \"\$PIPELINE\"")
                                look()
                                weighbridgePublish(skipped: [Data: validates(), Rehearsal: rehearses(),
                                                             Verdict: weighs() && delivers()])
                            }
                        }
                    }
                    stage('Validate data') {
                        when { expression { validates() } }
                        // Compared with what the whole run will be compared with.
                        steps {
                            weigh("run --to DataValidator ${share()} \$FORCE")
                        }
                        post { always { publish('Data') } }
                    }
                    stage('Go slow') {
                        when { expression { rehearses() } }
                        steps { weigh('run --sample 0.5 $FORCE') }
                        post { always { publish('Rehearsal') } }
                    }
                }
            }
            stage('Train, weigh, stage') {
                when {
                    beforeAgent true
                    expression { weighs() && delivers() }
                }
                agent { node { label "${agents()}-${trainer()}"; retries 2 } }
                steps {
                    setUp()
                    script {
                        if (mode() == 'kubeflow') {
                            onKubeflow()
                        } else {
                            weigh('run --deliver-to staging $FORCE', true)
                        }
                        look()
                    }
                }
                post { always { publish('Verdict') } }
            }
            stage('Canary') {
                when {
                    beforeAgent true
                    expression { delivers() && 'canary' in pending }
                }
                agent { node { label "${agents()}-cpu"; retries 2 } }
                steps {
                    setUp()
                    script {
                        // It is called with the rows that the model was weighed on, which a run on Kubeflow left there.
                        if (mode() == 'kubeflow' && has('ExampleGen')) {
                            weigh('run --to ExampleGen')
                        }
                        verify('staging')
                        weigh('promote --from staging --to canary')
                        look()
                    }
                }
                post { always { publish('Canary') } }
            }
            stage('Approve') {
                when { expression { delivers() && 'production' in pending && 'production' in plan.approvals } }
                stages {
                    stage('Ask') {
                        steps { askApprovers() }
                    }
                    stage('Answer') {
                        options { timeout(time: 3, unit: 'DAYS') }
                        input {
                            message 'The canary passed. Deliver it to production?'
                            ok 'Deliver'
                            submitter settings.approvers
                            submitterParameter 'APPROVER'
                        }
                        steps {
                            script {
                                env.ASKS = ''
                                env.APPROVED_BY = env.APPROVER
                            }
                        }
                    }
                }
            }
            stage('Production') {
                when {
                    beforeAgent true
                    expression { delivers() && 'production' in pending }
                }
                agent { node { label "${agents()}-cpu"; retries 2 } }
                steps {
                    setUp()
                    deliver()
                }
                post { always { publish('Production') } }
            }
        }
        post {
            always {
                tellUnanswered()
                weighbridgeNotify(settings)
            }
        }
    }
}

// An alarm says which pipeline is meant, by its name. A path is no name: then it is always the one that is given here.
String alarmed() {
    return settings.pipeline ==~ /\w+/ ? 'PIPELINE' : 'ALARM_PIPELINE'
}

// Only the main branch delivers; all others, and pull requests, rehearse.
boolean onMain() {
    return env.BRANCH_NAME in [null, settings.branch]
}

boolean delivers() {
    return onMain() && !params.DRY_RUN
}

// All of the data, compared with what the staged model goes to; or a share of them.
String share() {
    return onMain() ? '--deliver-to staging' : '--sample 0.5'
}

// The repository's own tests of what the commits touched.
List tests() {
    List commands = changes.code ? [settings.test, settings.testAll] : changes.documents ? [settings.testDocuments] : []
    return commands.findAll { command -> command }
}

// What was refused and did not change is asked again: the answer is the same, at no cost, and the build stays red.
boolean weighs() {
    boolean settled = plan.base.kind == 'revision' ? !plan.changed : plan.outcome?.passed
    return !params.DRY_RUN && (params.FORCE || !plan.nothing || !settled)
}

boolean validates() {
    return weighs() && has('DataValidator')
}

boolean has(String name) {
    return plan.steps.any { step -> step.name == name }
}

boolean rehearses() {
    return weighs() && (plan.trains || !delivers())
}

String mode() {
    return params.MODE ?: settings.mode
}

String trainer() {
    return mode() == 'local' ? params.ACCELERATOR ?: settings.accelerator : 'cpu'
}

// What delivers may have agents of its own, which no branch's build has been on.
String agents() {
    return onMain() && env.WEIGHBRIDGE_DELIVERY_AGENTS ? env.WEIGHBRIDGE_DELIVERY_AGENTS : settings.agents
}

void setUp() {
    commit = weighbridgeSetUp(commit, settings.setUp)
}

// Whoever waits for a lock has an agent, and whoever has a lock waits for none: so nobody waits for ever.
// What works on a share of the data has a folder of its own in the work directory, and a lock of its own.
void weigh(String arguments, boolean trains = false) {
    String part = arguments.contains('--sample') ? '-rehearsal' : ''
    List more = trains && settings.slots ? [[label: "${settings.slots}-${trainer()}", quantity: 1]] : []
    lock(resource: "weighbridge-${plan.pipeline}${part}", extra: more) {
        weighbridgeAttempt(weighbridge: "${arguments} -- \"\$PIPELINE\"", key: delivers() ? settings.verify : '')
    }
}

// What a command answers in JSON, kept with the build.
Object ask(String answer, String command) {
    weighbridgeAttempt(weighbridge: "${command} > ${answer}")
    archiveArtifacts(artifacts: answer)
    return readJSON(file: answer, returnPojo: true)
}

// Where the staged model, also that of a build before, has yet to go.
void look() {
    pending = ask('pending.json', 'ci pending -- "$PIPELINE"')
    canary = 'production' in pending && !('canary' in pending) ? inCanary() : ''
}

// The promotion that brought the canary what it holds.
String inCanary() {
    weighbridgeAttempt(weighbridge: 'runs --json > runs.json')
    List runs = readJSON(file: 'runs.json', returnPojo: true)
    List found = runs.findAll { run -> run.pipeline == plan.pipeline && run.delivered_to == 'canary' }
    return found ? found[-1].run_id : ''
}

void onKubeflow() {
    withCredentials([string(credentialsId: settings.kubeflow, variable: 'WEIGHBRIDGE_KFP_TOKEN')]) {
        weigh('submit --deliver-to staging --wait ${FORCE:---if-changed}', true)
    }
}

// The older question ends. A milestone would end all older builds, so there is none while one of them works.
void askApprovers() {
    boolean mayEnd = true
    for (Object older = currentBuild.previousBuildInProgress; older; older = older.previousBuildInProgress) {
        mayEnd = mayEnd && older.buildVariables.ASKS == env.PIPELINE
    }
    if (mayEnd) {
        milestone(ordinal: currentBuild.number)
    }
    env.ASKS = env.PIPELINE
    asked = System.currentTimeMillis()
    weighbridgeNotify(settings, 'waits for an approval', "${env.BUILD_URL}input/")
}

// A question that nobody answered ends its build as if a person had ended it, and nobody would know of it. Jenkins'
// sandbox does not say what ended it, but the clock does.
void tellUnanswered() {
    if (currentBuild.currentResult != 'ABORTED' || !env.ASKS || System.currentTimeMillis() < asked + 3 * 86400000L) {
        return
    }
    List same = ['PIPELINE', 'DATA', 'MODE', 'ACCELERATOR'].findAll { name -> params[name] }
    String how = same ? "with ${same.collect { name -> "${name}=${params[name]}" }.join(', ')}" : 'as it is'
    String told = 'Nobody answered within 3 days, so nothing was delivered; the model stays in the canary.'
    String again = 'To be asked again, start a build of the job'
    currentBuild.description = "${told} ${again} ${how}."
    weighbridgeNotify(settings, 'nobody answered, nothing was delivered', """${told}
${again} ${how}: ${env.JOB_URL}build?delay=0sec
Nothing is trained again where data and code are the same. The build that asked: ${env.BUILD_URL}""")
}

// An answer holds for what the canary had when it was asked for, and for nothing that came there since. The build's
// address is where Jenkins itself says who answered, for a policy that takes no other word for it.
void deliver() {
    lock(resource: "weighbridge-${plan.pipeline}") {
        if (inCanary() == canary) {
            verify('canary')
            weighbridgeAttempt(weighbridge: 'promote --from canary --to production --approved-by "$APPROVED_BY" ' +
                                            '--approved-in "$BUILD_URL" -- "$PIPELINE"', key: settings.verify)
        } else {
            currentBuild.result = 'NOT_BUILT'
            currentBuild.description = 'Superseded: the canary has another model by now.'
        }
    }
}

void verify(String stage) {
    weighbridgeVerify(model: env.PIPELINE, stage: stage, key: settings.verify, allowUnsigned: settings.unsigned)
}

void publish(String title) {
    weighbridgePublish(title: title, comment: settings.comment)
}
