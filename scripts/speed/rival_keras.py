"""The games in Keras 3 on TensorFlow, as its tutorials write them: a model with a train step of its own, given batches
by `train_on_batch` (the script calls this)."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from playing import EXAMPLES, serve
from workloads import WORKLOADS

W = WORKLOADS[sys.argv[1]]


def chain(rows, x):
    """Applies a workload's layers."""
    for kind, *numbers in rows:
        if kind in ("conv", "up"):
            filters, kernel, stride = numbers
            layer = (layers.Conv2D if kind == "conv" else layers.Conv2DTranspose)(filters, kernel, stride, "same")
        elif kind == "shape":
            layer = layers.Reshape(numbers)
        elif kind == "leaky":
            layer = layers.LeakyReLU(negative_slope=numbers[0])
        elif kind in ("relu", "sigmoid", "tanh"):
            layer = layers.Activation(kind)
        else:
            layer = {"dense": layers.Dense, "flatten": layers.Flatten, "dropout": layers.Dropout}[kind](*numbers)
        x = layer(x)
    return x


def make_generator():
    """Latents, and labels as one-hot rows beside them, to images."""
    latents = keras.Input((W.latent + W.classes,))
    return keras.Model(latents, chain(W.generator, latents))


def make_critic():
    """Images, and labels, to logits."""
    images, labels = keras.Input(W.image), keras.Input((), dtype="int32")
    features = chain(W.critic, images)
    logits = layers.Dense(1)(features)
    if W.classes:
        rows = layers.Embedding(W.classes, features.shape[-1])(labels)
        logits = layers.Add()([logits, layers.Dot(axes=1)([features, rows])])
    return keras.Model([images, labels], layers.Flatten()(logits))


class Game(keras.Model):
    """Both players, and a round as a train step."""

    def __init__(self):
        super().__init__()
        self.generator, self.critic = make_generator(), make_critic()
        self.entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        rate, beta1, beta2 = W.adam
        self.optimizers = [keras.optimizers.Adam(rate, beta1, beta2) for _ in range(2)]

    def fakes(self, labels):
        """Fake images of the labels."""
        latents = tf.random.normal((tf.shape(labels)[0], W.latent))
        if W.classes:
            latents = tf.concat([latents, tf.one_hot(labels, W.classes)], 1)
        return self.generator(latents, training=True)

    def move(self, which, network, tape, loss):
        """One step of a player."""
        gradients = tape.gradient(loss, network.trainable_weights)
        self.optimizers[which].apply(gradients, network.trainable_weights)

    def cross_entropy(self, logits, target):
        """Of logits against a noisy target."""
        return self.entropy(target + W.label_noise * tf.random.uniform(tf.shape(logits)), logits)

    def critic_step(self, real, labels):
        """Updates of the critic on one batch."""
        fake = self.fakes(labels)
        if W.loss == "wgan_gp":
            share = tf.random.uniform([tf.shape(real)[0]] + [1] * len(W.image))
            with tf.GradientTape() as tape:
                between = share * real + (1 - share) * fake
                with tf.GradientTape() as inner:
                    inner.watch(between)
                    logits = self.critic([between, labels], training=True)
                slopes = tf.sqrt(tf.reduce_sum(inner.gradient(logits, between) ** 2, list(range(1, len(W.image) + 1))))
                loss = tf.reduce_mean(self.critic([fake, labels], training=True)) - tf.reduce_mean(
                    self.critic([real, labels], training=True)) + 10 * tf.reduce_mean((slopes - 1) ** 2)
            self.move(1, self.critic, tape, loss)
        elif W.critic_step == "two_steps":
            for images, target in ((real, 1.0), (fake, 0.0)):
                with tf.GradientTape() as tape:
                    loss = self.cross_entropy(self.critic([images, labels], training=True), target)
                self.move(1, self.critic, tape, loss)
        else:
            targets = tf.concat([tf.ones_like(labels), tf.zeros_like(labels)], 0)[:, None]
            with tf.GradientTape() as tape:
                logits = self.critic([tf.concat([real, fake], 0), tf.concat([labels, labels], 0)], training=True)
                loss = self.cross_entropy(logits, tf.cast(targets, tf.float32))
            self.move(1, self.critic, tape, loss)

    def train_step(self, data):
        """A round; `data` has the images and labels of every critic update."""
        images, labels = data[:2]  # Weights of examples follow, and are none.
        for number in range(W.critic_updates):
            self.critic_step(images[:, number], labels[:, number])
        labels = tf.random.uniform((W.generator_batch,), maxval=max(W.classes, 1), dtype=tf.int32)
        with tf.GradientTape() as tape:
            logits = self.critic([self.fakes(labels), labels], training=True)
            loss = -tf.reduce_mean(logits) if W.loss == "wgan_gp" else self.entropy(tf.ones_like(logits), logits)
        self.move(0, self.generator, tape, loss)
        return {}


def main():
    """Builds, trains a round, and answers."""
    rng = np.random.default_rng(0)
    data = rng.uniform(-1, 1, (EXAMPLES, *W.image)).astype(np.float32)
    labels = rng.integers(max(W.classes, 1), size=EXAMPLES).astype(np.int32)
    game = Game()
    game.compile()
    for optimizer, network in zip(game.optimizers, (game.generator, game.critic), strict=True):
        optimizer.build(network.trainable_variables)

    def play(rounds):
        for _ in range(rounds):
            chosen = rng.integers(EXAMPLES, size=(W.batch, W.critic_updates))
            game.train_on_batch(data[chosen], labels[chosen])

    serve(game.generator.count_params() + game.critic.count_params(), play)


if __name__ == "__main__":
    main()
