export * from './init.js';
export * from './layers.js';
export { type ForwardOptions, Model } from './model.js';
export { type Context, type Declared, Module } from './module.js';
export { type ParameterSpec, Parameters } from './parameters.js';
export { convNet } from './zoo/convnet.js';
export { mlp } from './zoo/mlp.js';
export { resnetCifar } from './zoo/resnet-cifar.js';
