.PHONY: protos
protos:
	@.venv/bin/python -m grpc_tools.protoc -Iprotos \
	  --plugin=protoc-gen-mypy=.venv/bin/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=.venv/bin/protoc-gen-mypy_grpc \
	  --python_out=protos/gen --grpc_python_out=protos/gen --mypy_out=quiet:protos/gen --mypy_grpc_out=quiet:protos/gen \
	  $$(find protos/dunlin -name '*.proto')
