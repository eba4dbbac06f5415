module discount

go 1.24
