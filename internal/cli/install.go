package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"sundae/internal/ort/install"
)

func newInstall(a *app) *cobra.Command {
	install := &cobra.Command{
		Use:   "install",
		Short: "Install libraries that run models faster",
	}
	install.AddCommand(newInstallCUDA(a))
	return install
}

func newInstallCUDA(a *app) *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use:   "cuda",
		Short: "Install the build of ONNX Runtime for NVIDIA GPUs",
		Long: `Install ONNX Runtime ` + install.CUDAVersion + ` with its CUDA and TensorRT providers for this user,
a download of 291 MB with the npm client that takes 275 MB on disk. Linux on
x86-64 only.

It needs NVIDIA's driver and, from NVIDIA, CUDA 13 and cuDNN 9. Sundae finds them
in the loader's path, in /usr/local/cuda* and in Python environments, where PyTorch
and JAX install them. sundae doctor lists what is missing.`,
		Example: `  sundae install cuda
  sundae install cuda --remove`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if remove {
				removed, err := install.RemoveCUDA(cmd.Context())
				if err == nil && !removed {
					a.reporter.Printf("the CUDA build is not installed")
				}
				return err
			}
			lib, err := install.CUDA(cmd.Context(), a.reporter)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.out, lib.Path)
			return nil
		},
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "remove it again")
	return cmd
}
