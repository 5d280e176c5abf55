package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sundae/internal/ort"
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

// offerCUDA installs the CUDA build before it would first be of use, if the user agrees
// or has given --yes. A refusal is remembered.
func (a *app) offerCUDA(ctx context.Context, device string) error {
	kind, _, _ := strings.Cut(device, ":")
	wanted := kind == ort.Auto || kind == ort.CUDA || kind == ort.TensorRT
	if !wanted || runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" || !ort.HasNVIDIA() || a.config.ONNXRuntime != "" || os.Getenv(install.Env) != "" {
		return nil
	}
	if ort.CheckDriver() != nil {
		return nil // the device's probe says what is wrong
	}
	if _, err := install.FindCUDA(); !errors.Is(err, install.ErrNoCUDA) {
		return err
	}
	if !a.yes {
		if install.CUDADeclined() || !a.interactive() {
			return nil
		}
		agreed, err := a.ask("This machine has an NVIDIA GPU. Install ONNX Runtime with CUDA for it (291 MB)?")
		if err != nil {
			return err
		}
		if !agreed {
			a.reporter.Printf("Not installed. You can do it later: sundae install cuda")
			return install.DeclineCUDA()
		}
	}
	_, err := install.CUDA(ctx, a.reporter)
	return err
}

// interactive reports whether questions can be asked.
func (a *app) interactive() bool {
	in, isIn := a.in.(*os.File)
	out, isOut := a.err.(*os.File)
	return isIn && isOut && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
}

// ask asks a question whose answer is yes unless it begins with an n.
func (a *app) ask(question string) (bool, error) {
	fmt.Fprintf(a.err, "%s [Y/n] ", question)
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	return !strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "n"), nil
}
