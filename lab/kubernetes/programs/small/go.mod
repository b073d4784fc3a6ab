module plinth/lab/kubernetes/programs/small

go 1.25.0
