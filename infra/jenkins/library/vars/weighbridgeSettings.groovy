// The arguments of weighbridge(…) with their defaults.
Map call(Map given) {
    Map known = [
        pipeline: '',             // name, import path or file of a pipeline
        data: '',                 // its input data; empty: what WEIGHBRIDGE_DATA or the pipeline names
        branch: 'main',           // the one that delivers
        setUp: '',                // command that brings `weighbridge`, on PATH or in .venv; empty: the agent has it
        lint: '',                 // commands of the repository's own, run only where code changed; empty: none
        test: '',
        testAll: '',              // after `test`
        testDocuments: '',        // instead of both where only documents changed
        testResults: 'tests*.xml',
        mode: 'local',            // or kubeflow
        accelerator: 'cpu',       // or gpu, tpu: which agents train
        agents: 'weighbridge',    // labels of agents begin so: weighbridge-cpu, -gpu, -tpu
        slots: '',                // so begin labels of lockable resources, one for each training that may run at once
        schedule: 'H 3 * * *',    // when to look for new data; empty: never
        upstream: '',             // a job that brings new data
        webhook: '',              // id of a secret text, the token of whoever sends alarms; empty: they start nothing
        kubeflow: 'weighbridge-kubeflow', // id of a secret text, the token for mode kubeflow
        verify: '',               // id of a secret text, public keys in PEM: only what they signed moves on
        comment: '',              // id of a name and password (or GitHub App) that may comment on pull requests
        approvers: 'weighbridge-approvers', // who may answer before production, as `input` takes them
        notify: env.WEIGHBRIDGE_NOTIFY ?: '', // address that mails go to; empty: nobody
    ]
    List unknown = given.findAll { name, value -> !known.containsKey(name) }.collect { name, value -> name }
    if (unknown) {
        error("weighbridge(…) does not know the argument ${unknown[0]}; it knows: ${known.keySet().join(', ')}.")
    }
    Map settings = known + given
    if (!settings.pipeline) {
        error("weighbridge(…) wants a pipeline, e.g. weighbridge(pipeline: 'shop.pipeline').")
    }
    Map choices = [mode: ['local', 'kubeflow'], accelerator: ['cpu', 'gpu', 'tpu']]
    for (String name : ['mode', 'accelerator']) {
        if (!(settings[name] in choices[name])) {
            error("weighbridge(${name}: '${settings[name]}'): it is one of ${choices[name].join(', ')}.")
        }
    }
    // What moves on is what somebody vouches for; where nobody's key is trusted, an unsigned model is only told of.
    settings.unsigned = !(settings.verify || env.WEIGHBRIDGE_VERIFY_KEY || env.WEIGHBRIDGE_VERIFY_IDENTITY)
    return settings
}
