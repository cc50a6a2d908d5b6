// Verify a model before it is used: weighbridgeVerify(model: 's3://models/taxi/7', key: 'weighbridge-verify').
// What `weighbridge verify` refuses fails the build. `key` is the id of a secret text: the public keys, in PEM, whose
// signatures count; without it those that WEIGHBRIDGE_VERIFY_KEY names. The rest are the command's options.
void call(Map how) {
    Map known = [policy: '--policy', maxAge: '--max-age', pipeline: '--pipeline', production: '--production',
                 stage: '--stage', evidence: '--evidence', output: '--output']
    List others = ['model', 'key', 'allowUnsigned']
    List unknown = how.findAll { name, value -> !(name in others || known[name]) }.collect { name, value -> name }
    if (unknown || !how.model) {
        error('weighbridgeVerify(…) wants a model, and knows the arguments key, allowUnsigned, ' +
              "${known.keySet().join(', ')}${unknown ? ', not ' + unknown.join(', ') : ''}.")
    }
    List given = known.findAll { name, option -> how[name] }.collect { name, option -> name }
    // Values reach the shell as variables: whatever stands in them is no command.
    List variables = ["VERIFY_MODEL=${how.model}"] + given.collect { name -> "VERIFY_${name}=${how[name]}" }
    String options = given.collect { name -> " ${known[name]}=\"\$VERIFY_${name}\"" }.join('')
    String unsigned = how.allowUnsigned ? ' --allow-unsigned' : ''
    withEnv(variables) {
        weighbridgeAttempt(weighbridge: "verify${unsigned}${options} -- \"\$VERIFY_MODEL\"", key: how.key)
    }
}
