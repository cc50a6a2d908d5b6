from typing import Any


def logistic(amount: Any, fraud: Any, steps: int, folder: str) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.weight, module.bias = tf.Variable(0.0), tf.Variable(0.0)
    told = tf.cast(fraud, tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "amount")])
    def serve(amount: Any) -> Any:
        return {"probability": tf.sigmoid(module.weight * (amount / 10000 - 1) + module.bias)}

    for _ in range(steps):
        wrong = serve(amount)["probability"] - told
        module.weight.assign_sub(2 * tf.reduce_mean(wrong * (amount / 10000 - 1)))
        module.bias.assign_sub(2 * tf.reduce_mean(wrong))
    module.serve = serve
    tf.saved_model.save(module, folder, signatures={"serving_default": serve})
