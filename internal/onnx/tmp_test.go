package onnx
import ("testing";"os";"time";ort "github.com/yalue/onnxruntime_go")
func TestTmp(t *testing.T){
 l,err:=Find("")
 if err!=nil{t.Fatal(err)}
 t.Log(l, Start(l), Loaded())
 m,_:=os.ReadFile("probe.onnx")
 t.Log(ort.GetInputOutputInfoWithONNXData(m))
 for _,n:=range []string{"cpu","WebGPU","cuda","tensorrt","CoreML"} {
  t0:=time.Now()
  o,_:=ort.NewSessionOptions()
  var err error
  switch n { case "cpu":
  case "cuda": var c *ort.CUDAProviderOptions; c,err=ort.NewCUDAProviderOptions(); if err==nil { err=o.AppendExecutionProviderCUDA(c)}
  case "tensorrt": var c *ort.TensorRTProviderOptions; c,err=ort.NewTensorRTProviderOptions(); if err==nil { err=o.AppendExecutionProviderTensorRT(c)}
  default: err=o.AppendExecutionProvider(n,nil) }
  t.Log(n,"append",err,time.Since(t0))
  if err!=nil {continue}
  s,err:=ort.NewDynamicAdvancedSessionWithONNXData(m,[]string{"x"},[]string{"y"},o)
  t.Log(n,"session",err,time.Since(t0))
  if err!=nil {continue}
  x,_:=ort.NewTensor(ort.NewShape(1),[]float32{2}); y,_:=ort.NewEmptyTensor[float32](ort.NewShape(1))
  t.Log(n,"run",s.Run([]ort.Value{x},[]ort.Value{y}),y.GetData(),time.Since(t0))
 }
}
