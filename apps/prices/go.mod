module prices

go 1.24
