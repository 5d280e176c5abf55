// Package train runs the stages of a training in order: VQ-GAN, latents, prior, bundle.
// Each stage writes into the run's folder and resumes where it was stopped.
//
// The method is "Megapixel Image Generation with Step-unrolled Denoising
// Autoencoders" (McKinney & Willcocks, 2206.12351). Its sections are in these files:
//
//	3.1 Latent dataset generation      train/latents
//	3.2 2D-aware hourglass transformer train/prior/hourglass.go; the author's in train/prior/published.go
//	3.3 Step-unrolled training         train/prior/unroll.go
//	3.4 Fast sampling                  sampler/run.go
//	3.5 Inpainting                     sampler/mask.go
//	3.6 Megapixel VQ-GAN               train/vqgan and assets/recipes/ffhq1024.yaml
//
// Our additions to the published networks and losses each have a switch in a recipe,
// off in the recipes "as published":
//
//	prior.position_embedding            learned position embedding beside RoPE
//	prior.shift_mixing                  channels of the eight tokens around a token
//	prior.distillation                  targets from a guided pretrained prior
//	prior.partial                       unrolled steps that draw a share of the tokens
//	prior.noise_exponent                distribution of the noise in training samples
//	latents.rate                        codes chosen by a prior among close ones
//	vqgan.stem                          patches instead of full resolution; 1 is off
//	vqgan.linear_shortcut               linear map around encoder and decoder
//	vqgan.sphere_codes                  encoder outputs on a sphere
//	vqgan.codebook.training             codes as moving averages with restarts; "gradient" is VQ-GAN's
//	vqgan.loss.gradient                 image gradients, where VQ-GAN has LPIPS
//	vqgan.loss.seams                    loss at the borders of the stem's patches
//	vqgan.discriminator.contrast        amplified details for the discriminator
//	vqgan.finetune                      decoder fine-tuning after the training
//	vqgan.finetune.token_augmentation   fine-tuning on tokens resampled by a prior
package train
