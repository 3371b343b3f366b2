"""The pages of the Streamlit workbench, one a file."""
